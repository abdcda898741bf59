/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <string.h>

#include "base/encoding.h"
#include "netdoc/values.h"
#include "statistics.h"

static const char *const report_places[CEPA_N_PLACES] = { "guard", "middle", "exit" };

/* ---- what both have ---- */

static double *
report_divide (const CepaSimReport *self, const guint64 *counts, const double *expected, guint64 whole, guint *n)
{
  double *shares;

  *n = self->outcome->tally->n_relays;
  shares = g_new0 (double, MAX (*n, 1));
  for (guint i = 0; whole > 0 && i < *n; i++)
    shares[i] = (counts != NULL ? (double) counts[i] : expected[i]) / (double) whole;
  return shares;
}

double *
cepa_sim_report_get_shares (const CepaSimReport *self, CepaPlace place, guint *n)
{
  const CepaSimTally *tally = self->outcome->tally;

  return report_divide (self, tally->counts[place], NULL, tally->totals.n_paths, n);
}

double *
cepa_sim_report_get_expected (const CepaSimReport *self, CepaPlace place, guint *n)
{
  return report_divide (self, NULL, self->outcome->tally->expected[place], self->plan->n_paths, n);
}

static const CepaSimRelay *
report_get_relay (const CepaSimReport *self, guint number)
{
  return &g_array_index (self->outcome->relays, CepaSimRelay, number);
}

/* How many clients had both ends seen before @end_s. */
static guint
report_count_seen (const CepaSimReport *self, gint64 end_s)
{
  guint n = 0;

  for (guint i = 0; i < self->outcome->tally->n_clients; i++)
    n += self->outcome->tally->clients[i].first_both_s < end_s ? 1 : 0;
  return n;
}

/* When a part of the clients had both ends seen, in seconds from the start; -1 when that is never. */
static gint64
report_find_seen_s (const CepaSimReport *self, double part)
{
  const CepaSimTally *tally = self->outcome->tally;
  g_autofree gint64 *times = g_new (gint64, MAX (tally->n_clients, 1));
  gint64 time_s;

  for (guint i = 0; i < tally->n_clients; i++)
    times[i] = tally->clients[i].first_both_s;
  time_s = cepa_sim_quantile_s (times, tally->n_clients, part);
  return time_s == CEPA_SIM_NEVER ? -1 : time_s - self->plan->steps[0].start_s;
}

typedef struct
{
  double mean;
  guint most;
} ReportGuards;

/* Different guards of a client, over those that drew a path. */
static ReportGuards
report_count_guards (const CepaSimReport *self)
{
  const CepaSimTally *tally = self->outcome->tally;
  ReportGuards out = { 0 };
  guint64 sum = 0, n = 0;

  for (guint i = 0; i < tally->n_clients; i++)
    if (tally->clients[i].n_paths > 0)
      {
        n++;
        sum += tally->clients[i].n_guards;
        out.most = MAX (out.most, tally->clients[i].n_guards);
      }
  out.mean = cepa_sim_ratio (sum, n);
  return out;
}

/* ---- text ---- */

static void
report_text_head (const CepaSimReport *self, GString *out)
{
  const CepaSimTally *tally = self->outcome->tally;
  const CepaSimPlan *plan = self->plan;
  g_autofree char *from = cepa_netdoc_format_time (plan->steps[0].start_s);
  g_autofree char *to = cepa_netdoc_format_time (plan->steps[plan->n_steps - 1].end_s);

  g_string_append_printf (out, "Policy:      %s, seed %" G_GUINT64_FORMAT "\n", self->plugin_id, self->seed);
  g_string_append_printf (out, "Time:        %s to %s UTC, %u %s, %u relays in all\n", from, to, plan->n_steps,
                          plan->n_steps == 1 ? "consensus" : "consensuses", tally->n_relays);
  g_string_append_printf (out, "Paths:       %" G_GUINT64_FORMAT " drawn by %u clients%s, %" G_GUINT64_FORMAT " refused\n",
                          tally->totals.n_paths, plan->n_clients, self->has_guards ? " with guards" : "",
                          tally->totals.n_refused);
  for (guint i = 0; i < tally->reasons->len; i++)
    {
      const CepaSimReason *reason = &g_array_index (tally->reasons, CepaSimReason, i);

      g_string_append_printf (out, "  refused:   %" G_GUINT64_FORMAT " for %s\n", reason->n, reason->reason);
    }
  if (tally->first_refusal_block != G_MAXUINT)
    g_string_append_printf (out, "  the first: %s\n", tally->first_refusal);
}

static void
report_text_spread (const CepaSimReport *self, GString *out)
{
  g_string_append (out, "\n           relays    entropy  effective   greatest   by weight alone:\n"
                        "            drawn       bits     number      share       bits  effective\n");
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      guint n;
      g_autofree double *shares = cepa_sim_report_get_shares (self, (CepaPlace) place, &n);
      g_autofree double *expected = cepa_sim_report_get_expected (self, (CepaPlace) place, &n);
      CepaSimSpread drawn = cepa_sim_spread (shares, n), by_weight = cepa_sim_spread (expected, n);

      g_string_append_printf (out, "%-9s %7u %10.4f %10.1f %8.4f %% %10.4f %10.1f\n", report_places[place], drawn.n_relays,
                              drawn.entropy, drawn.effective, 100 * drawn.greatest, by_weight.entropy, by_weight.effective);
    }
}

static void
report_text_pairs (const CepaSimReport *self, GString *out)
{
  const CepaSimTotals *totals = &self->outcome->tally->totals;
  ReportGuards guards = report_count_guards (self);

  g_string_append_printf (out, "\nGuard and exit of one family: %.6f %% of paths\n",
                          100 * cepa_sim_ratio (totals->n_same_family, totals->n_paths));
  g_string_append_printf (out, "Guard and exit in one AS: %.6f %% of the %.1f %% of paths whose ASes are known\n",
                          100 * cepa_sim_ratio (totals->n_same_as, totals->n_as_known),
                          100 * cepa_sim_ratio (totals->n_as_known, totals->n_paths));
  g_string_append_printf (out, "Guard and exit in one country: %.6f %% of the %.1f %% of paths whose countries are known\n",
                          100 * cepa_sim_ratio (totals->n_same_country, totals->n_country_known),
                          100 * cepa_sim_ratio (totals->n_country_known, totals->n_paths));
  g_string_append_printf (out, "Guards of a client: %.2f on average, %u at most\n", guards.mean, guards.most);
}

static void
report_text_adversary (const CepaSimReport *self, GString *out)
{
  const CepaSimTotals *totals = &self->outcome->tally->totals;
  const CepaSimPlan *plan = self->plan;
  guint n_seen = report_count_seen (self, CEPA_SIM_NEVER);
  gint64 half_s = report_find_seen_s (self, 0.5);

  g_string_append_printf (out, "\nAdversary:   %u relays\n", self->n_adversary);
  g_string_append_printf (out, "  at the guard %.6f %% of paths, at the exit %.6f %%, at both %.6f %%\n",
                          100 * cepa_sim_ratio (totals->n_guard_seen, totals->n_paths),
                          100 * cepa_sim_ratio (totals->n_exit_seen, totals->n_paths),
                          100 * cepa_sim_ratio (totals->n_both_seen, totals->n_paths));
  g_string_append_printf (out, "  at both ends of some path of %u of %u clients (%.2f %%)", n_seen, plan->n_clients,
                          100 * cepa_sim_ratio (n_seen, plan->n_clients));
  if (half_s >= 0)
    g_string_append_printf (out, "; of half of them after %.2f hours", (double) half_s / 3600);
  g_string_append_c (out, '\n');
}

static void
report_text_top (const CepaSimReport *self, GString *out, CepaPlace place)
{
  guint n, n_top = self->n_top;
  g_autofree double *shares = cepa_sim_report_get_shares (self, place, &n);
  g_autofree double *expected = cepa_sim_report_get_expected (self, place, &n);
  g_autofree guint *order = cepa_sim_greatest (shares, n, &n_top);

  g_string_append_printf (out, "\nDrawn most as %s                                                     share  by weight\n",
                          report_places[place]);
  for (guint i = 0; i < n_top; i++)
    {
      const CepaSimRelay *relay = report_get_relay (self, order[i]);
      char id[2 * sizeof relay->rsa_id + 1];

      cepa_hex_encode_to (relay->rsa_id, sizeof relay->rsa_id, id);
      g_string_append_printf (out, "  $%s %-19s %8.4f %% %8.4f %%\n", id, relay->nickname, 100 * shares[order[i]],
                              100 * expected[order[i]]);
    }
}

GString *
cepa_sim_report_to_text (const CepaSimReport *self)
{
  GString *out = g_string_new (NULL);

  report_text_head (self, out);
  report_text_spread (self, out);
  report_text_pairs (self, out);
  if (self->n_adversary > 0)
    report_text_adversary (self, out);
  for (guint place = 0; self->n_top > 0 && place < CEPA_N_PLACES; place++)
    report_text_top (self, out, (CepaPlace) place);
  return out;
}

/* ---- JSON ---- */

static void
report_json_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p++)
    {
      guchar c = (guchar) *p;

      if (c < 0x20 || c >= 0x7f)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_printf (out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
  g_string_append_c (out, '"');
}

static void
report_json_head (const CepaSimReport *self, GString *out)
{
  const CepaSimTally *tally = self->outcome->tally;
  const CepaSimPlan *plan = self->plan;

  g_string_append (out, "{\n  \"policy\": ");
  report_json_string (out, self->plugin_id);
  g_string_append_printf (out, ",\n  \"seed\": %" G_GUINT64_FORMAT ",\n  \"start\": %" G_GINT64_FORMAT ",\n  \"end\": %"
                          G_GINT64_FORMAT ",\n  \"consensuses\": %u,\n  \"clients\": %u,\n  \"guards_kept\": %s,\n",
                          self->seed, plan->steps[0].start_s, plan->steps[plan->n_steps - 1].end_s, plan->n_steps,
                          plan->n_clients, self->has_guards ? "true" : "false");
  g_string_append_printf (out, "  \"paths\": %" G_GUINT64_FORMAT ",\n  \"refused\": %" G_GUINT64_FORMAT ",\n  \"refusals\": {",
                          tally->totals.n_paths, tally->totals.n_refused);
  for (guint i = 0; i < tally->reasons->len; i++)
    {
      const CepaSimReason *reason = &g_array_index (tally->reasons, CepaSimReason, i);

      g_string_append (out, i > 0 ? ", " : "");
      report_json_string (out, reason->reason);
      g_string_append_printf (out, ": %" G_GUINT64_FORMAT, reason->n);
    }
  g_string_append (out, "},\n  \"first_refusal\": ");
  if (tally->first_refusal_block != G_MAXUINT)
    report_json_string (out, tally->first_refusal);
  else
    g_string_append (out, "null");
  g_string_append (out, ",\n");
}

static void
report_json_spread (const CepaSimReport *self, GString *out)
{
  g_string_append (out, "  \"places\": {\n");
  for (guint place = 0; place < CEPA_N_PLACES; place++)
    {
      guint n;
      g_autofree double *shares = cepa_sim_report_get_shares (self, (CepaPlace) place, &n);
      g_autofree double *expected = cepa_sim_report_get_expected (self, (CepaPlace) place, &n);
      CepaSimSpread drawn = cepa_sim_spread (shares, n), by_weight = cepa_sim_spread (expected, n);

      g_string_append_printf (out, "    \"%s\": {\"relays\": %u, \"entropy\": %.9f, \"effective\": %.6f, \"greatest\": %.9f, "
                              "\"entropy_by_weight\": %.9f, \"effective_by_weight\": %.6f}%s\n", report_places[place],
                              drawn.n_relays, drawn.entropy, drawn.effective, drawn.greatest, by_weight.entropy,
                              by_weight.effective, place + 1 < CEPA_N_PLACES ? "," : "");
    }
  g_string_append (out, "  },\n");
}

static void
report_json_pairs (const CepaSimReport *self, GString *out)
{
  const CepaSimTotals *totals = &self->outcome->tally->totals;
  ReportGuards guards = report_count_guards (self);

  g_string_append_printf (out, "  \"guard_and_exit\": {\"same_family\": %.9f, \"same_as\": %.9f, \"as_known\": %.9f, "
                          "\"same_country\": %.9f, \"country_known\": %.9f},\n",
                          cepa_sim_ratio (totals->n_same_family, totals->n_paths),
                          cepa_sim_ratio (totals->n_same_as, totals->n_as_known),
                          cepa_sim_ratio (totals->n_as_known, totals->n_paths),
                          cepa_sim_ratio (totals->n_same_country, totals->n_country_known),
                          cepa_sim_ratio (totals->n_country_known, totals->n_paths));
  g_string_append_printf (out, "  \"guards_of_a_client\": {\"mean\": %.6f, \"most\": %u},\n", guards.mean, guards.most);
}

static void
report_json_adversary (const CepaSimReport *self, GString *out)
{
  const CepaSimTotals *totals = &self->outcome->tally->totals;
  gint64 half_s = report_find_seen_s (self, 0.5);

  if (self->n_adversary == 0)
    {
      g_string_append (out, "  \"adversary\": null,\n");
      return;
    }
  g_string_append_printf (out, "  \"adversary\": {\"relays\": %u, \"guard\": %.9f, \"exit\": %.9f, \"both\": %.9f, "
                          "\"clients\": %u, \"half_after_s\": ", self->n_adversary,
                          cepa_sim_ratio (totals->n_guard_seen, totals->n_paths),
                          cepa_sim_ratio (totals->n_exit_seen, totals->n_paths),
                          cepa_sim_ratio (totals->n_both_seen, totals->n_paths), report_count_seen (self, CEPA_SIM_NEVER));
  g_string_append_printf (out, half_s >= 0 ? "%" G_GINT64_FORMAT : "null", half_s);
  g_string_append (out, ", \"clients_by_consensus\": [");
  for (guint step = 0; step < self->plan->n_steps; step++)
    g_string_append_printf (out, "%s%u", step > 0 ? ", " : "", report_count_seen (self, self->plan->steps[step].end_s));
  g_string_append (out, "]},\n");
}

static void
report_json_relays (const CepaSimReport *self, GString *out)
{
  const CepaSimTally *tally = self->outcome->tally;
  gboolean is_first = TRUE;

  g_string_append (out, "  \"relays\": [");
  for (guint i = 0; i < tally->n_relays; i++)
    {
      const CepaSimRelay *relay = report_get_relay (self, i);
      char id[2 * sizeof relay->rsa_id + 1];
      gboolean is_of_interest = FALSE;

      for (guint place = 0; place < CEPA_N_PLACES; place++)
        is_of_interest |= tally->counts[place][i] > 0 || tally->expected[place][i] > 0;
      if (!is_of_interest)
        continue;
      cepa_hex_encode_to (relay->rsa_id, sizeof relay->rsa_id, id);
      g_string_append_printf (out, "%s\n    {\"fingerprint\": \"%s\", \"nickname\": ", is_first ? "" : ",", id);
      report_json_string (out, relay->nickname);
      g_string_append_printf (out, ", \"as\": %u, \"country\": \"%.2s\"", relay->as_number, relay->country);
      for (guint place = 0; place < CEPA_N_PLACES; place++)
        g_string_append_printf (out, ", \"%s\": %" G_GUINT64_FORMAT ", \"%s_by_weight\": %.3f", report_places[place],
                                tally->counts[place][i], report_places[place], tally->expected[place][i]);
      g_string_append_c (out, '}');
      is_first = FALSE;
    }
  g_string_append (out, "\n  ]\n}\n");
}

GString *
cepa_sim_report_to_json (const CepaSimReport *self)
{
  GString *out = g_string_new (NULL);

  report_json_head (self, out);
  report_json_spread (self, out);
  report_json_pairs (self, out);
  report_json_adversary (self, out);
  report_json_relays (self, out);
  return out;
}
