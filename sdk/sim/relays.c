/* SPDX-License-Identifier: BSD-3-Clause */
#include "relays.h"

#include <string.h>

#include "base/error.h"
#include "netdoc/values.h"

struct _CepaSimRelays
{
  GArray *relays;      /* (element-type CepaSimRelay) */
  GHashTable *numbers; /* (element-type RelayKey guint): of identities */
};

struct _CepaSimSet
{
  GHashTable *ids; /* (element-type RelayKey RelayKey) */
};

/* An identity as a key of a hash table. */
typedef struct
{
  guint8 rsa_id[20];
} RelayKey;

static guint
relays_hash (gconstpointer key)
{
  guint hash;

  memcpy (&hash, key, sizeof hash);
  return hash;
}

static gboolean
relays_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (RelayKey)) == 0;
}

CepaSimRelays *
cepa_sim_relays_new (void)
{
  CepaSimRelays *self = g_new0 (CepaSimRelays, 1);

  self->relays = g_array_new (FALSE, FALSE, sizeof (CepaSimRelay));
  self->numbers = g_hash_table_new_full (relays_hash, relays_equal, g_free, NULL);
  return self;
}

void
cepa_sim_relays_free (CepaSimRelays *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->relays);
  g_hash_table_unref (self->numbers);
  g_free (self);
}

void
cepa_sim_relays_add (CepaSimRelays *self, const CepaNetwork *network, guint32 *numbers)
{
  guint n = cepa_network_get_n_relays (network);

  for (guint row = 0; row < n; row++)
    {
      const CepaRelay *relay = cepa_network_get_relay (network, row);
      CepaSimRelay entry = { .as_number = relay->as_number };
      gpointer number;

      memcpy (entry.rsa_id, relay->rsa_id, sizeof entry.rsa_id);
      memcpy (entry.nickname, relay->nickname, sizeof entry.nickname);
      memcpy (entry.country, relay->country, sizeof entry.country);
      if (g_hash_table_lookup_extended (self->numbers, relay->rsa_id, NULL, &number))
        g_array_index (self->relays, CepaSimRelay, GPOINTER_TO_UINT (number)) = entry;
      else
        {
          number = GUINT_TO_POINTER (self->relays->len);
          g_array_append_val (self->relays, entry);
          g_hash_table_insert (self->numbers, g_memdup2 (relay->rsa_id, sizeof (RelayKey)), number);
        }
      numbers[row] = GPOINTER_TO_UINT (number);
    }
}

const CepaSimRelay *
cepa_sim_relays_get (const CepaSimRelays *self, guint *n)
{
  *n = self->relays->len;
  return (const CepaSimRelay *) (gpointer) self->relays->data;
}

/* ---- sets ---- */

static CepaSimSet *
set_new (void)
{
  CepaSimSet *self = g_new0 (CepaSimSet, 1);

  self->ids = g_hash_table_new_full (relays_hash, relays_equal, g_free, NULL);
  return self;
}

void
cepa_sim_set_free (CepaSimSet *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->ids);
  g_free (self);
}

CepaSimSet *
cepa_sim_set_parse (const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (CepaSimSet) self = set_new ();

  for (guint i = 0; lines[i] != NULL; i++)
    {
      CepaSlice word = { lines[i], 0 };
      RelayKey key;

      lines[i][strcspn (lines[i], "#")] = '\0';
      g_strchug (lines[i]);
      word.len = strcspn (lines[i], " ,\t\r");
      if (lines[i][0] == '\0')
        continue;
      if (!cepa_slice_to_fingerprint (word, key.rsa_id))
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "line %u does not begin with a fingerprint of 40 hexadecimal "
                       "digits", i + 1);
          return NULL;
        }
      g_hash_table_add (self->ids, g_memdup2 (&key, sizeof key));
    }
  if (g_hash_table_size (self->ids) == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "there is no fingerprint in it");
      return NULL;
    }
  return g_steal_pointer (&self);
}

CepaSimSet *
cepa_sim_set_draw (const CepaNetwork *network, double share, guint64 seed, GError **error)
{
  CepaSimSet *self = set_new ();
  guint n = cepa_network_get_n_relays (network);
  g_autofree guint32 *rows = g_new (guint32, n);
  CepaSimRandom random;
  guint64 sum = 0, taken = 0;

  cepa_sim_random_init (&random, seed, CEPA_SIM_RANDOM_ADVERSARY, 0);
  for (guint row = 0; row < n; row++)
    {
      rows[row] = row;
      sum += cepa_network_get_relay (network, row)->bandwidth;
    }
  for (guint i = 0; i < n && (double) taken < share * (double) sum; i++)
    {
      guint other = i + (guint) cepa_sim_random_below (&random, n - i);
      guint32 row = rows[other];
      const CepaRelay *relay = cepa_network_get_relay (network, row);

      rows[other] = rows[i];
      taken += relay->bandwidth;
      g_hash_table_add (self->ids, g_memdup2 (relay->rsa_id, sizeof (RelayKey)));
    }
  if (sum > 0)
    return self;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "no relay has any bandwidth that somebody could have a share of");
  cepa_sim_set_free (self);
  return NULL;
}

gboolean
cepa_sim_set_contains (const CepaSimSet *self, const guint8 rsa_id[20])
{
  return g_hash_table_contains (self->ids, rsa_id);
}

guint
cepa_sim_set_get_n (const CepaSimSet *self)
{
  return g_hash_table_size (self->ids);
}
