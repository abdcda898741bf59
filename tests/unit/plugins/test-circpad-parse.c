/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of machines for padding.circpad: what is read, and what each mistake is told. */
#include <string.h>

#include "spec.h"

static CepaCircpadSpec *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  CepaCircpadSpec *spec = cepa_circpad_spec_parse (text, strlen (text), "f", &error);

  g_assert_no_error (error);
  return spec;
}

static void
test_whole (void)
{
  g_autoptr (CepaCircpadSpec) spec = parse (
      "# a machine\r\nmachine All-of_it # with a remark\n\thop 3\n  min-hops 4\npurposes internal directory\n"
      "reduced yes\nallowed-cells 7\nmax-percent 33\n\nstate one\nbin 0 10 1\nbin 20 30 2\ninfinity 3\n"
      "tokens closest-time\nlength geometric 0.5\nlength-min 4\nlength-max 9\nlength-counts all\non opened two\n"
      "on normal-sent one\non infinity end\non unused cancel\non in-use ignore\nstate two\ndelay pareto 5 0.25\n"
      "delay-shift 11\ndelay-max 12");

  g_assert_cmpstr (spec->name, ==, "All-of_it");
  g_assert_cmpuint (spec->hop, ==, 2);
  g_assert_cmpuint (spec->min_hops, ==, 4);
  g_assert_cmpuint (spec->purposes, ==, 1u << CEPA_PURPOSE_INTERNAL | 1u << CEPA_PURPOSE_DIRECTORY);
  g_assert_true (spec->reduced);
  g_assert_cmpuint (spec->allowed_cells, ==, 7);
  g_assert_cmpuint (spec->max_percent, ==, 33);
  g_assert_cmpuint (spec->n_states, ==, 2);
  g_assert_cmpstr (spec->states[0].name, ==, "one");
  g_assert_cmpuint (spec->states[0].n_bins, ==, 2);
  g_assert_cmpint (spec->states[0].bins[1].from_us, ==, 20);
  g_assert_cmpint (spec->states[0].bins[1].to_us, ==, 30);
  g_assert_cmpuint (spec->states[0].bins[1].tokens, ==, 2);
  g_assert_cmpuint (spec->states[0].infinity, ==, 3);
  g_assert_cmpint (spec->states[0].removal, ==, CEPA_CIRCPAD_CLOSEST_TIME);
  g_assert_cmpint (spec->states[0].length.shape, ==, CEPA_CIRCPAD_GEOMETRIC);
  g_assert_cmpuint (spec->states[0].length_min, ==, 4);
  g_assert_cmpuint (spec->states[0].length_max, ==, 9);
  g_assert_true (spec->states[0].length_counts_all);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_OPENED], ==, 1);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_NORMAL_SENT], ==, 0);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_INFINITY], ==, CEPA_CIRCPAD_END);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_UNUSED], ==, CEPA_CIRCPAD_CANCEL);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_IN_USE], ==, CEPA_CIRCPAD_IGNORE);
  g_assert_cmpint (spec->states[0].next[CEPA_CIRCPAD_LENGTH_UP], ==, CEPA_CIRCPAD_IGNORE);
  g_assert_cmpint (spec->states[1].delay.shape, ==, CEPA_CIRCPAD_PARETO);
  g_assert_cmpfloat (spec->states[1].delay.b, ==, 0.25);
  g_assert_cmpint (spec->states[1].delay_shift_us, ==, 11);
  g_assert_cmpint (spec->states[1].delay_max_us, ==, 12);
}

static void
test_defaults (void)
{
  g_autoptr (CepaCircpadSpec) spec = parse ("machine m\nstate s\n");

  g_assert_cmpuint (spec->hop, ==, 1);
  g_assert_cmpuint (spec->min_hops, ==, 2);
  g_assert_cmpuint (spec->purposes, ==, 1u << CEPA_PURPOSE_GENERAL | 1u << CEPA_PURPOSE_INTERNAL);
  g_assert_false (spec->reduced);
  g_assert_cmpuint (spec->max_percent, ==, 0);
  g_assert_cmpint (spec->states[0].removal, ==, CEPA_CIRCPAD_KEEP);
  g_assert_cmpuint (spec->states[0].length_max, ==, CEPA_CIRCPAD_MAX_LENGTH);
}

static void
test_fits (void)
{
  g_autoptr (CepaCircpadSpec) spec = parse ("machine m\nhop 2\nmin-hops 3\npurposes general\nstate s\n");
  CepaPaddingTarget target = { .scope = CEPA_PADDING_CIRCUIT, .purpose = CEPA_PURPOSE_GENERAL, .n_hops = 3 };

  g_assert_true (cepa_circpad_spec_fits (spec, &target));
  target.n_hops = 2;
  g_assert_false (cepa_circpad_spec_fits (spec, &target));
  target.n_hops = 3;
  target.purpose = CEPA_PURPOSE_INTERNAL;
  g_assert_false (cepa_circpad_spec_fits (spec, &target));
  target.purpose = 200; /* of a later version */
  g_assert_false (cepa_circpad_spec_fits (spec, &target));
  target.purpose = CEPA_PURPOSE_GENERAL;
  target.scope = CEPA_PADDING_CHANNEL;
  g_assert_false (cepa_circpad_spec_fits (spec, &target));
}

/* What each mistake is told: where it is, and what would be right. */
static void
test_errors (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "", "f:0: there is no machine: \"machine NAME\" comes first" },
    { "# nothing\n\n", "f:2: there is no machine: \"machine NAME\" comes first" },
    { "machine m\n", "f:1: the machine has no state" },
    { "hop 1\n", "f:1: \"hop\" before \"machine NAME\", which comes first" },
    { "machine m\nmachine n\n", "f:2: a second machine: there is one in a file" },
    { "machine\n", "f:1: \"machine\" takes 1 to 1 words" },
    { "machine m n\n", "f:1: \"machine\" takes 1 to 1 words" },
    { "machine 1m\n", "f:1: \"1m\" is no name: up to 32 letters, digits, - and _, a letter first" },
    { "machine m\nbin 0 1 1\n", "f:2: \"bin\" before the first \"state NAME\"" },
    { "machine m\nstate s\nhop 1\n", "f:3: \"hop\" behind a state: it belongs before the first" },
    { "machine m\nhop 0\n", "f:2: \"0\" is no hop: a number from 1 to 8 is" },
    { "machine m\nhop 9\n", "f:2: \"9\" is no hop: a number from 1 to 8 is" },
    { "machine m\nhop -1\n", "f:2: \"-1\" is no hop: a number from 1 to 8 is" },
    { "machine m\nhop 2\nmin-hops 1\nstate s\n",
      "f:4: circuits of 1 hops have no hop 2: min-hops must be at least hop" },
    { "machine m\npurposes general web\n", "f:2: \"web\" is no purpose: there are general, internal, directory" },
    { "machine m\nreduced 1\n", "f:2: \"1\" is no answer: there are no, yes" },
    { "machine m\nmax-percent 101\n", "f:2: \"101\" is no share: a number from 0 to 100 is" },
    { "machine m\nstate s\nstate s\n", "f:3: a second state \"s\"" },
    { "machine m\nstate end\n",
      "f:2: a state cannot be called \"end\": that has a meaning where it is gone to" },
    { "machine m\nstate s\nbin 5 5 1\n",
      "f:3: \"5\" is no end of a bin in microseconds, behind its begin: a number from 6 to 3600000000 is" },
    { "machine m\nstate s\nbin 0 5 1\nbin 4 9 1\n",
      "f:4: \"4\" is no begin of a bin in microseconds, behind the last: a number from 5 to 3599999999 is" },
    { "machine m\nstate s\nbin 0 5 1000001\n", "f:3: \"1000001\" is no number of tokens: a number from 0 to 1000000 is" },
    { "machine m\nstate s\nbin 0 5 1\ndelay uniform 1 2\n", "f:4: a state has bins, or a delay" },
    { "machine m\nstate s\ndelay uniform 1 2\ninfinity 1\n", "f:4: a state has bins, or a delay" },
    { "machine m\nstate s\ndelay normal 1 2\n",
      "f:3: \"normal\" is no distribution: there are none, uniform, logistic, log-logistic, geometric, weibull, pareto" },
    { "machine m\nstate s\ndelay uniform 1\n", "f:3: uniform takes 2 parameters" },
    { "machine m\nstate s\ndelay uniform 2 1\n", "f:3: uniform does not take these parameters: see the README" },
    { "machine m\nstate s\ndelay uniform 1 nan\n",
      "f:3: \"nan\" is no parameter of a distribution: a decimal number is" },
    { "machine m\nstate s\nlength geometric 0\n", "f:3: geometric does not take these parameters: see the README" },
    { "machine m\nstate s\ntokens some\n",
      "f:3: \"some\" is no way to take tokens: there are keep, exact, higher, lower, closest, closest-time" },
    { "machine m\nstate s\non rain s\n",
      "f:3: \"rain\" is no event: there are normal-received, normal-sent, padding-received, padding-sent, opened, "
      "in-use, unused, infinity, bins-empty, length-up" },
    { "machine m\nstate s\non opened t\n\n", "f:3: there is no state \"t\"" },
    { "machine m\nstate s\non opened s\non opened end\n", "f:4: a second \"on opened\" of the state" },
    { "machine m\nfly s\n", "f:2: there is no \"fly\": see the README for what there is" },
    { "machine m\na b c d e f g h i\n", "f:2: more than 8 words" },
    { "machine m\nstate s\xc3\xa9\n", "f:2: byte 8 is not printable ASCII" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (cepa_circpad_spec_parse (cases[i].text, strlen (cases[i].text), "f", &error));
      g_assert_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
check_too_much (const char *head, const char *line, const char *end, guint n, const char *message)
{
  g_autoptr (GString) text = g_string_new (head);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%u%s\n", line, i, end);
  g_assert_null (cepa_circpad_spec_parse (text->str, text->len, "f", &error));
  g_assert_nonnull (error);
  if (strstr (error->message, message) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, message);
}

static void
test_limits (void)
{
  g_autoptr (GString) bins = g_string_new (NULL);
  static char line[300];

  check_too_much ("machine m\n", "state s", "", 65, "f:66: more than 64 states");
  g_string_append (bins, "machine m\nstate s\n");
  for (guint i = 0; i < 64; i++)
    g_string_append_printf (bins, "bin %u %u 1\n", i, i + 1);
  check_too_much (bins->str, "bin 9", "9 100 1", 1, "f:67: more than 64 bins");
  check_too_much ("machine m\n", "# ", "", 20000, "the file is longer than 65536 bytes");
  memset (line, 'x', sizeof line - 1);
  check_too_much ("machine m\n", line, "", 1, "f:2: the line is longer than 256 bytes");
  line[200] = '\0';
  check_too_much ("machine m\n", line, "", 1, "f:2: there is no \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/circpad/parse/whole", test_whole);
  g_test_add_func ("/circpad/parse/defaults", test_defaults);
  g_test_add_func ("/circpad/parse/fits", test_fits);
  g_test_add_func ("/circpad/parse/errors", test_errors);
  g_test_add_func ("/circpad/parse/limits", test_limits);
  return g_test_run ();
}
