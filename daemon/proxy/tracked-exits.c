/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/tracked-exits.h"

#include <string.h>

typedef struct
{
  guint8 rsa_id[20];
  gint64 used_us;
  guint n_failures; /* in a row */
} TrackedExit;

struct _CepaTrackedExits
{
  const CepaClock *clock;
  const char *const *patterns; /* (nullable) */
  gint64 keep_us;
  guint64 identity;
  GHashTable *hosts; /* (element-type utf8 TrackedExit) */
};

CepaTrackedExits *
cepa_tracked_exits_new (const CepaClock *clock, const char *const *patterns, gint64 keep_us)
{
  CepaTrackedExits *self = g_new0 (CepaTrackedExits, 1);

  self->clock = clock;
  self->patterns = patterns;
  self->keep_us = keep_us;
  self->hosts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
cepa_tracked_exits_free (CepaTrackedExits *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->hosts);
  g_free (self);
}

static gboolean
tracked_exits_matches (const char *pattern, const char *host)
{
  gsize len = strlen (pattern), host_len = strlen (host);

  if (pattern[0] != '.')
    return g_ascii_strcasecmp (pattern, host) == 0;
  if (len == 1 || g_ascii_strcasecmp (pattern + 1, host) == 0)
    return TRUE;
  return host_len > len && g_ascii_strcasecmp (host + host_len - len, pattern) == 0;
}

static gboolean
tracked_exits_wants (const CepaTrackedExits *self, const char *host)
{
  for (guint i = 0; self->patterns != NULL && self->patterns[i] != NULL; i++)
    if (tracked_exits_matches (self->patterns[i], host))
      return TRUE;
  return FALSE;
}

/* Returns: (nullable): what is remembered of @host, if it is not too old. */
static TrackedExit *
tracked_exits_look_up (CepaTrackedExits *self, const char *host)
{
  TrackedExit *found = g_hash_table_lookup (self->hosts, host);

  if (found == NULL || cepa_clock_monotonic_us (self->clock) - found->used_us <= self->keep_us)
    return found;
  g_hash_table_remove (self->hosts, host);
  return NULL;
}

const guint8 *
cepa_tracked_exits_find (CepaTrackedExits *self, const char *host)
{
  TrackedExit *found = tracked_exits_look_up (self, host);

  return found != NULL ? found->rsa_id : NULL;
}

static void
tracked_exits_make_room (CepaTrackedExits *self)
{
  gpointer host, exit, oldest = NULL;
  gint64 oldest_us = G_MAXINT64;
  GHashTableIter iter;

  if (g_hash_table_size (self->hosts) < CEPA_TRACKED_EXITS_MAX)
    return;
  g_hash_table_iter_init (&iter, self->hosts);
  while (g_hash_table_iter_next (&iter, &host, &exit))
    if (((TrackedExit *) exit)->used_us < oldest_us)
      {
        oldest = host;
        oldest_us = ((TrackedExit *) exit)->used_us;
      }
  g_hash_table_remove (self->hosts, oldest);
}

void
cepa_tracked_exits_note (CepaTrackedExits *self, const char *host, const guint8 rsa_id[20])
{
  TrackedExit *found;

  if (!tracked_exits_wants (self, host))
    return;
  found = tracked_exits_look_up (self, host);
  if (found != NULL && memcmp (found->rsa_id, rsa_id, sizeof found->rsa_id) != 0)
    return;
  if (found == NULL)
    {
      tracked_exits_make_room (self);
      found = g_new0 (TrackedExit, 1);
      g_hash_table_insert (self->hosts, g_strdup (host), found);
    }
  memcpy (found->rsa_id, rsa_id, sizeof found->rsa_id);
  found->used_us = cepa_clock_monotonic_us (self->clock);
  found->n_failures = 0;
}

void
cepa_tracked_exits_note_failure (CepaTrackedExits *self, const char *host, const guint8 rsa_id[20])
{
  TrackedExit *found = tracked_exits_look_up (self, host);

  if (found != NULL && memcmp (found->rsa_id, rsa_id, sizeof found->rsa_id) == 0
      && ++found->n_failures >= CEPA_TRACKED_EXITS_MAX_FAILURES)
    g_hash_table_remove (self->hosts, host);
}

void
cepa_tracked_exits_forget (CepaTrackedExits *self, const char *host)
{
  g_hash_table_remove (self->hosts, host);
}

void
cepa_tracked_exits_set_identity (CepaTrackedExits *self, guint64 number)
{
  if (self->identity != number)
    g_hash_table_remove_all (self->hosts);
  self->identity = number;
}
