/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/skew.h"

#include <string.h>

#include "base/log.h"

static const struct
{
  const char *word;
  gint64 tolerance_s;
} skew_sources[] = {
  [CEPA_SKEW_OR] = { "OR", CEPA_SKEW_MAX_OR_S },
  [CEPA_SKEW_DIRSERV] = { "DIRSERV", CEPA_SKEW_MAX_DIRSERV_S },
  [CEPA_SKEW_CONSENSUS] = { "CONSENSUS", CEPA_SKEW_MAX_CONSENSUS_S },
};

void
cepa_skew_clear (CepaSkew *self)
{
  g_clear_pointer (&self->source, g_free);
}

char *
cepa_skew_format (gint64 seconds)
{
  static const struct
  {
    gint64 length;
    const char *one, *many;
  } units[] = {
    { 86400, "day", "days" }, { 3600, "hour", "hours" }, { 60, "minute", "minutes" }, { 1, "second", "seconds" },
  };
  g_autoptr (GString) out = g_string_new (NULL);
  gint64 left = ABS (seconds);
  guint n = 0;

  /* The two largest that are not zero say enough. */
  for (guint i = 0; i < G_N_ELEMENTS (units) && n < 2; i++)
    {
      gint64 count = left / units[i].length;

      left %= units[i].length;
      if (count == 0 && !(n == 0 && i + 1 == G_N_ELEMENTS (units)))
        continue;
      g_string_append_printf (out, "%s%" G_GINT64_FORMAT " %s", n > 0 ? " " : "", count,
                              count == 1 ? units[i].one : units[i].many);
      n++;
    }
  return g_strdup (out->str);
}

/* Whether another relay has said the same; and remembers this one's word. */
static gboolean
skew_is_confirmed (CepaSkew *self, CepaSkewSource source, const guint8 id[20], gint64 skew_s)
{
  CepaSkewWitness *own = NULL;
  gboolean is_confirmed = FALSE;

  for (guint i = 0; i < self->n_witnesses; i++)
    {
      CepaSkewWitness *witness = &self->witnesses[i];

      if (memcmp (witness->id, id, sizeof witness->id) == 0)
        own = witness->source == source ? witness : own;
      else
        is_confirmed = is_confirmed || ABS (witness->skew_s - skew_s) <= CEPA_SKEW_AGREE_S;
    }
  if (own == NULL)
    {
      own = &self->witnesses[self->next_witness];
      self->next_witness = (self->next_witness + 1) % CEPA_SKEW_MAX_WITNESSES;
      self->n_witnesses = MIN (self->n_witnesses + 1, CEPA_SKEW_MAX_WITNESSES);
    }
  own->source = source;
  memcpy (own->id, id, sizeof own->id);
  own->skew_s = skew_s;
  return is_confirmed;
}

static void
skew_set (CepaSkew *self, gint64 skew_s, char *source)
{
  self->skew_s = skew_s;
  g_free (self->source);
  self->source = source;
  if (self->changed != NULL)
    self->changed (self->user_data, self);
}

void
cepa_skew_forget (CepaSkew *self)
{
  self->n_witnesses = self->next_witness = 0;
  if (self->skew_s != 0)
    skew_set (self, 0, NULL);
}

void
cepa_skew_note (CepaSkew *self, CepaSkewSource source, const guint8 id[20], const char *address, const char *who,
                gint64 skew_s, gboolean is_trusted)
{
  g_autofree char *amount = cepa_skew_format (skew_s);
  gboolean is_wrong = ABS (skew_s) > skew_sources[source].tolerance_s;
  gboolean is_confirmed = skew_is_confirmed (self, source, id, skew_s);

  if (!is_trusted && !is_confirmed)
    {
      if (is_wrong)
        cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_INFO, "%s says that this computer's clock is %s %s; nobody else has yet", who,
                  amount, skew_s > 0 ? "ahead" : "behind");
      return;
    }
  if (!is_wrong)
    {
      /* Sources are not equally strict: only what is well within the tolerance of all takes a warning back. */
      if (self->skew_s == 0 || ABS (skew_s) > CEPA_SKEW_AGREE_S)
        return;
      cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "This computer's clock agrees with that of %s: it is right again.", who);
      skew_set (self, 0, NULL);
      return;
    }
  if (self->skew_s != 0 && ABS (self->skew_s - skew_s) <= CEPA_SKEW_AGREE_S)
    return;
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_WARN,
            "This computer's clock is %s %s %s. Tor needs the right time: check date, time and time zone.", amount,
            skew_s > 0 ? "ahead of" : "behind", who);
  skew_set (self, skew_s,
            address != NULL ? g_strdup_printf ("%s:%s", skew_sources[source].word, address)
                            : g_strdup (skew_sources[source].word));
}
