/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/family.h"

#include <string.h>

#include "crypto/digest.h"
#include "netdoc/values.h"
#include "network/rows.h"

#define FAMILY_MAX_NICKNAME 19

/* Room from the start: an array without any has no address that a list could begin at. */
#define FAMILY_ROOM 256

/* A sorted part of @members: whom a "family" line names, or the ids of a "family-ids" line. */
typedef struct
{
  guint32 first;
  guint32 n_rows;  /* rows named by fingerprint, or family ids */
  guint32 n_names; /* behind them: numbers of nicknames */
} FamilyList;

typedef struct
{
  guint8 bytes[CEPA_SHA256_LEN];
} FamilyKey;

struct _CepaFamilyTable
{
  const CepaRouterStatus *relays;
  guint n_relays;
  guint32 *prefixes; /* of the rows' identities */
  gboolean use_lists, use_ids;

  GHashTable *names;   /* nickname in the consensus, any case -> its number + 1 */
  guint32 *name;       /* of each row: the number of its nickname */
  guint8 *name_listed; /* of each nickname: whether a "family" line has it */
  GHashTable *ids;     /* family id (owned) -> its number + 1 */

  GHashTable *lines;    /* FamilyKey of a "family" line (owned) -> index in @lists */
  GHashTable *id_lines; /* the same of "family-ids" lines */
  GArray *lists;       /* of FamilyList; the first is empty */
  GArray *members;     /* of guint32 */
  guint32 *family;     /* of each row: index in @lists */
  guint32 *family_ids; /* the same */

  GPtrArray *groups; /* (element-type guint8): of the user: a bit for each row */

  /* Disjoint sets over rows, then nicknames, then family ids: who may be of one family is in one set. */
  GArray *parent; /* of guint32 */
};

static guint
family_hash_name (gconstpointer name)
{
  guint hash = 5381;

  for (const char *p = name; *p != '\0'; p++)
    hash = hash * 33 + (guint) g_ascii_tolower (*p);
  return hash;
}

static gboolean
family_equal_names (gconstpointer a, gconstpointer b)
{
  return g_ascii_strcasecmp (a, b) == 0;
}

static guint
family_hash_key (gconstpointer key)
{
  guint hash;

  memcpy (&hash, key, sizeof hash);
  return hash;
}

static gboolean
family_equal_keys (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (FamilyKey)) == 0;
}

static void
family_add_nodes (CepaFamilyTable *self, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      guint32 alone = self->parent->len;

      g_array_append_val (self->parent, alone);
    }
}

static void
family_number_names (CepaFamilyTable *self)
{
  for (guint row = 0; row < self->n_relays; row++)
    {
      gpointer name = (gpointer) self->relays[row].nickname;
      guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->names, name));

      if (number == 0)
        {
          number = g_hash_table_size (self->names) + 1;
          g_hash_table_insert (self->names, name, GUINT_TO_POINTER (number));
        }
      self->name[row] = number - 1;
    }
}

CepaFamilyTable *
cepa_family_table_new (const CepaConsensus *consensus)
{
  CepaFamilyTable *self = g_new0 (CepaFamilyTable, 1);
  FamilyList empty = { 0 };

  self->relays = cepa_consensus_get_relays (consensus, &self->n_relays);
  self->prefixes = g_new (guint32, self->n_relays);
  for (guint row = 0; row < self->n_relays; row++)
    self->prefixes[row] = cepa_rows_prefix (self->relays[row].rsa_id);
  self->use_lists = cepa_consensus_get_param (consensus, "use-family-lists", 1) != 0;
  self->use_ids = cepa_consensus_get_param (consensus, "use-family-ids", 1) != 0;
  self->names = g_hash_table_new (family_hash_name, family_equal_names);
  self->name = g_new0 (guint32, self->n_relays);
  family_number_names (self);
  self->name_listed = g_new0 (guint8, g_hash_table_size (self->names));
  self->ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->lines = g_hash_table_new_full (family_hash_key, family_equal_keys, g_free, NULL);
  self->id_lines = g_hash_table_new_full (family_hash_key, family_equal_keys, g_free, NULL);
  self->lists = g_array_new (FALSE, FALSE, sizeof (FamilyList));
  g_array_append_val (self->lists, empty);
  self->members = g_array_sized_new (FALSE, FALSE, sizeof (guint32), FAMILY_ROOM);
  self->family = g_new0 (guint32, self->n_relays);
  self->family_ids = g_new0 (guint32, self->n_relays);
  self->groups = g_ptr_array_new_with_free_func (g_free);
  self->parent = g_array_new (FALSE, FALSE, sizeof (guint32));
  family_add_nodes (self, self->n_relays + g_hash_table_size (self->names));
  return self;
}

void
cepa_family_table_free (CepaFamilyTable *self)
{
  if (self == NULL)
    return;
  g_free (self->prefixes);
  g_hash_table_unref (self->names);
  g_free (self->name);
  g_free (self->name_listed);
  g_hash_table_unref (self->ids);
  g_hash_table_unref (self->lines);
  g_hash_table_unref (self->id_lines);
  g_array_unref (self->lists);
  g_array_unref (self->members);
  g_free (self->family);
  g_free (self->family_ids);
  g_ptr_array_unref (self->groups);
  g_array_unref (self->parent);
  g_free (self);
}

static guint32
family_find_set (GArray *sets, guint32 node)
{
  guint32 *parent = (guint32 *) (void *) sets->data;

  while (parent[node] != node)
    {
      parent[node] = parent[parent[node]];
      node = parent[node];
    }
  return node;
}

static void
family_join_sets (GArray *sets, guint32 a, guint32 b)
{
  a = family_find_set (sets, a);
  b = family_find_set (sets, b);
  g_array_index (sets, guint32, MAX (a, b)) = MIN (a, b);
}

/* Takes the next word off @rest; an empty one when there are no more. */
static CepaSlice
family_next_word (CepaSlice *rest)
{
  const char *end;
  CepaSlice word;

  while (rest->len > 0 && rest->text[0] == ' ')
    {
      rest->text++;
      rest->len--;
    }
  word.text = rest->text;
  end = rest->len > 0 ? memchr (rest->text, ' ', rest->len) : NULL;
  word.len = end != NULL ? (gsize) (end - word.text) : rest->len;
  rest->text += word.len;
  rest->len -= word.len;
  return word;
}

/* The row that @word names by fingerprint; -1 when it is not of that form or there is none. */
static gint
family_resolve_fingerprint (const CepaFamilyTable *self, CepaSlice word)
{
  guint8 rsa_id[20];

  if (!cepa_slice_to_fingerprint (word, rsa_id))
    return -1;
  return cepa_rows_find_by_prefix (self->relays, self->prefixes, self->n_relays, rsa_id);
}

/* The number of the nickname @word; -1 when it is none or no relay has it. */
static gint
family_resolve_nickname (const CepaFamilyTable *self, CepaSlice word)
{
  char name[FAMILY_MAX_NICKNAME + 1];

  if (!cepa_slice_is_nickname (word))
    return -1;
  memcpy (name, word.text, word.len);
  name[word.len] = '\0';
  return (gint) GPOINTER_TO_UINT (g_hash_table_lookup (self->names, name)) - 1;
}

/* The number of the family id @word, which gets one when it is new. */
static guint32
family_resolve_id (CepaFamilyTable *self, CepaSlice word)
{
  char *id = g_strndup (word.text, word.len);
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->ids, id));

  if (number != 0)
    {
      g_free (id);
      return number - 1;
    }
  family_add_nodes (self, 1);
  number = g_hash_table_size (self->ids) + 1;
  g_hash_table_insert (self->ids, id, GUINT_TO_POINTER (number));
  return number - 1;
}

static gint
family_compare_numbers (gconstpointer a, gconstpointer b)
{
  guint32 x = *(const guint32 *) a, y = *(const guint32 *) b;

  return (x > y) - (x < y);
}

static gboolean
family_is_ascending (const GArray *numbers)
{
  const guint32 *number = (const guint32 *) (const void *) numbers->data;

  for (guint i = 1; i < numbers->len; i++)
    if (number[i - 1] > number[i])
      return FALSE;
  return TRUE;
}

/* Appends @numbers to the members, ascending and each once. Returns: how many. */
static guint32
family_append_sorted (CepaFamilyTable *self, GArray *numbers)
{
  guint32 n = 0;

  /* Lines are canonical: fingerprints are in order, and so are rows. */
  if (!family_is_ascending (numbers))
    g_array_sort (numbers, family_compare_numbers);
  for (guint i = 0; i < numbers->len; i++)
    {
      guint32 number = g_array_index (numbers, guint32, i);

      if (i > 0 && number == g_array_index (numbers, guint32, i - 1))
        continue;
      g_array_append_val (self->members, number);
      n++;
    }
  return n;
}

static FamilyList
family_parse_members (CepaFamilyTable *self, CepaSlice text)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GArray) names = g_array_new (FALSE, FALSE, sizeof (guint32));
  FamilyList list = { self->members->len, 0, 0 };

  for (guint n = 0; n < CEPA_FAMILY_MAX_MEMBERS; n++)
    {
      CepaSlice word = family_next_word (&text);
      gint row = family_resolve_fingerprint (self, word);
      gint name = row < 0 ? family_resolve_nickname (self, word) : -1;

      if (word.len == 0)
        break;
      if (row >= 0)
        g_array_append_val (rows, row);
      else if (name >= 0)
        g_array_append_val (names, name);
    }
  list.n_rows = family_append_sorted (self, rows);
  list.n_names = family_append_sorted (self, names);
  for (guint i = 0; i < names->len; i++)
    self->name_listed[g_array_index (names, guint32, i)] = TRUE;
  return list;
}

static FamilyList
family_parse_ids (CepaFamilyTable *self, CepaSlice text)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  FamilyList list = { self->members->len, 0, 0 };

  for (guint n = 0; n < CEPA_FAMILY_MAX_IDS; n++)
    {
      CepaSlice word = family_next_word (&text);
      guint32 id;

      if (word.len == 0)
        break;
      id = family_resolve_id (self, word);
      g_array_append_val (ids, id);
    }
  list.n_rows = family_append_sorted (self, ids);
  return list;
}

/* The index of the list that @text gives when it is parsed by @parse; what is @known is not parsed again. */
static guint32
family_intern (CepaFamilyTable *self, GHashTable *known, CepaSlice text,
               FamilyList (*parse) (CepaFamilyTable *, CepaSlice))
{
  FamilyKey key;
  gpointer index;
  FamilyList list;

  if (text.len == 0)
    return 0;
  cepa_sha256 (text.text, text.len, key.bytes);
  if (g_hash_table_lookup_extended (known, &key, NULL, &index))
    return GPOINTER_TO_UINT (index);
  list = parse (self, text);
  g_array_append_val (self->lists, list);
  g_hash_table_insert (known, g_memdup2 (&key, sizeof key), GUINT_TO_POINTER (self->lists->len - 1));
  return self->lists->len - 1;
}

static inline const FamilyList *
family_get_list (const CepaFamilyTable *self, guint32 index)
{
  return &g_array_index (self->lists, FamilyList, index);
}

static inline const guint32 *
family_get_members (const CepaFamilyTable *self, const FamilyList *list)
{
  return (const guint32 *) (const void *) self->members->data + list->first;
}

static gboolean
family_contains (const guint32 *sorted, guint32 n, guint32 wanted)
{
  guint32 low = 0, high = n;

  while (low < high)
    {
      guint32 middle = (low + high) / 2;

      if (sorted[middle] == wanted)
        return TRUE;
      if (sorted[middle] < wanted)
        low = middle + 1;
      else
        high = middle;
    }
  return FALSE;
}

/* Whether what @row declares names @other. */
static gboolean
family_declares (const CepaFamilyTable *self, guint row, guint other)
{
  const FamilyList *list = family_get_list (self, self->family[row]);
  const guint32 *members = family_get_members (self, list);

  return family_contains (members, list->n_rows, other)
         || family_contains (members + list->n_rows, list->n_names, self->name[other]);
}

static gboolean
family_share_id (const CepaFamilyTable *self, guint a, guint b)
{
  const FamilyList *x = family_get_list (self, self->family_ids[a]);
  const FamilyList *y = family_get_list (self, self->family_ids[b]);
  const guint32 *p = family_get_members (self, x), *q = family_get_members (self, y);
  guint32 i = 0, j = 0;

  while (i < x->n_rows && j < y->n_rows)
    {
      if (p[i] == q[j])
        return TRUE;
      if (p[i] < q[j])
        i++;
      else
        j++;
    }
  return FALSE;
}

/* Puts @row in one set with those that it declares and that declare it, when both are known by now. */
static void
family_join_declared (CepaFamilyTable *self, guint row)
{
  const FamilyList *list = family_get_list (self, self->family[row]);
  const guint32 *members = family_get_members (self, list);

  for (guint32 i = 0; i < list->n_rows; i++)
    if (family_declares (self, members[i], row))
      family_join_sets (self->parent, row, members[i]);
  /* Many may have one nickname: all who name it, and, when numbering, all who have it, get into its set. */
  for (guint32 i = 0; i < list->n_names; i++)
    family_join_sets (self->parent, row, self->n_relays + members[list->n_rows + i]);
}

void
cepa_family_table_add (CepaFamilyTable *self, guint row, CepaSlice family, CepaSlice family_ids)
{
  g_return_if_fail (row < self->n_relays);

  if (self->use_lists)
    {
      self->family[row] = family_intern (self, self->lines, family, family_parse_members);
      family_join_declared (self, row);
    }
  if (self->use_ids)
    {
      const FamilyList *list;
      guint32 first_id = self->n_relays + g_hash_table_size (self->names);

      self->family_ids[row] = family_intern (self, self->id_lines, family_ids, family_parse_ids);
      list = family_get_list (self, self->family_ids[row]);
      for (guint32 i = 0; i < list->n_rows; i++)
        family_join_sets (self->parent, row, first_id + family_get_members (self, list)[i]);
    }
}

void
cepa_family_table_clear_groups (CepaFamilyTable *self)
{
  g_ptr_array_set_size (self->groups, 0);
}

void
cepa_family_table_add_group (CepaFamilyTable *self, guint8 *bits)
{
  g_ptr_array_add (self->groups, bits);
}

void
cepa_family_table_mark_names (const CepaFamilyTable *self, GHashTable *nicknames, guint8 *bits)
{
  g_autofree guint8 *is_wanted = g_new0 (guint8, g_hash_table_size (self->names));
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, nicknames);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->names, name));

      if (number != 0)
        is_wanted[number - 1] = TRUE;
    }
  for (guint row = 0; row < self->n_relays; row++)
    if (is_wanted[self->name[row]])
      bits[row / 8] |= (guint8) (1u << row % 8);
}

static gboolean
family_is_in_group (const guint8 *bits, guint row)
{
  return (bits[row / 8] >> row % 8 & 1) != 0;
}

static gboolean
family_share_group (const CepaFamilyTable *self, guint a, guint b)
{
  for (guint i = 0; i < self->groups->len; i++)
    {
      const guint8 *bits = g_ptr_array_index (self->groups, i);

      if (family_is_in_group (bits, a) && family_is_in_group (bits, b))
        return TRUE;
    }
  return FALSE;
}

gboolean
cepa_family_table_same (const CepaFamilyTable *self, guint a, guint b)
{
  if (a == b)
    return TRUE;
  return (family_declares (self, a, b) && family_declares (self, b, a)) || family_share_id (self, a, b)
         || family_share_group (self, a, b);
}

/* Puts the rows of each group of the user in one set. */
static void
family_join_groups (const CepaFamilyTable *self, GArray *sets)
{
  for (guint i = 0; i < self->groups->len; i++)
    {
      const guint8 *bits = g_ptr_array_index (self->groups, i);
      guint first = self->n_relays;

      for (guint at = 0; at < self->n_relays / 8 + 1; at++)
        for (guint left = bits[at]; left != 0; left &= left - 1)
          {
            guint row = at * 8 + (guint) g_bit_nth_lsf (left, -1);

            first = MIN (first, row);
            family_join_sets (sets, first, row);
          }
    }
}

void
cepa_family_table_number (CepaFamilyTable *self, CepaRelay *relays)
{
  g_autofree guint32 *n_rows = NULL;
  g_autoptr (GArray) sets = NULL;

  for (guint row = 0; row < self->n_relays; row++)
    if (self->family[row] != 0 && self->name_listed[self->name[row]])
      family_join_sets (self->parent, row, self->n_relays + self->name[row]);
  /* What relays say of themselves stays; what the user says may change. */
  sets = self->groups->len > 0 ? g_array_copy (self->parent) : g_array_ref (self->parent);
  family_join_groups (self, sets);
  n_rows = g_new0 (guint32, sets->len);
  for (guint row = 0; row < self->n_relays; row++)
    n_rows[family_find_set (sets, row)]++;
  for (guint row = 0; row < self->n_relays; row++)
    {
      guint32 set = family_find_set (sets, row);

      /* Sets join, and roots are least: a number may become smaller, but never belongs to two sets. */
      relays[row].family = n_rows[set] > 1 ? set + 1 : 0;
    }
}
