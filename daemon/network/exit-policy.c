/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/exit-policy.h"

#include <string.h>

#define EXIT_POLICY_MAX_PORT 65535

/* Room from the start: an array without any has no address that a list could begin at. */
#define EXIT_POLICY_ROOM 256

typedef struct
{
  guint16 low, high;
} PortRange;

/* The accepted ranges of one family, ascending and apart from each other, in the table's @ranges. */
typedef struct
{
  guint32 first, n;
} PortRanges;

typedef struct
{
  PortRanges ipv4, ipv6;
} ExitPolicy;

struct _CepaExitPolicyTable
{
  GArray *ranges;       /* of PortRange */
  GArray *policies;     /* of ExitPolicy */
  GHashTable *by_text;  /* "p\np6" (owned) -> its number */
  GString *text;        /* the key under construction, kept so that a lookup does not allocate */
};

CepaExitPolicyTable *
cepa_exit_policy_table_new (void)
{
  CepaExitPolicyTable *self = g_new0 (CepaExitPolicyTable, 1);
  ExitPolicy none = { 0 };

  self->ranges = g_array_sized_new (FALSE, FALSE, sizeof (PortRange), EXIT_POLICY_ROOM);
  self->policies = g_array_new (FALSE, FALSE, sizeof (ExitPolicy));
  self->by_text = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->text = g_string_new (NULL);
  g_array_append_val (self->policies, none);
  return self;
}

void
cepa_exit_policy_table_free (CepaExitPolicyTable *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->ranges);
  g_array_unref (self->policies);
  g_hash_table_unref (self->by_text);
  g_string_free (self->text, TRUE);
  g_free (self);
}

static gboolean
exit_policy_take_word (CepaSlice *rest, const char *word)
{
  gsize len = strlen (word);

  if (rest->len < len || memcmp (rest->text, word, len) != 0)
    return FALSE;
  rest->text += len;
  rest->len -= len;
  return TRUE;
}

/* Reads a port, 1 to 65535, off the front of @rest. */
static gboolean
exit_policy_take_port (CepaSlice *rest, guint16 *port)
{
  guint value = 0;
  gsize i;

  for (i = 0; i < rest->len && g_ascii_isdigit (rest->text[i]); i++)
    {
      value = value * 10 + (guint) (rest->text[i] - '0');
      if (value > EXIT_POLICY_MAX_PORT)
        return FALSE;
    }
  if (value == 0)
    return FALSE;
  rest->text += i;
  rest->len -= i;
  *port = (guint16) value;
  return TRUE;
}

/* Reads "80" or "80-90", which must be all that there is in @entry. */
static gboolean
exit_policy_parse_range (CepaSlice entry, PortRange *range)
{
  if (!exit_policy_take_port (&entry, &range->low))
    return FALSE;
  range->high = range->low;
  if (exit_policy_take_word (&entry, "-") && !exit_policy_take_port (&entry, &range->high))
    return FALSE;
  return entry.len == 0 && range->high >= range->low;
}

/* Returns: (transfer full) (nullable) (element-type PortRange): as written; NULL when malformed. */
static GArray *
exit_policy_parse_list (CepaSlice list)
{
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (PortRange));

  while (list.len > 0)
    {
      const char *comma = memchr (list.text, ',', list.len);
      CepaSlice entry = { list.text, comma != NULL ? (gsize) (comma - list.text) : list.len };
      PortRange range;

      list.text += entry.len + (comma != NULL);
      list.len -= entry.len + (comma != NULL);
      if (entry.len == 0 || !g_ascii_isdigit (entry.text[0]))
        continue;
      if (ranges->len == CEPA_EXIT_POLICY_MAX_ENTRIES || !exit_policy_parse_range (entry, &range))
        return NULL;
      g_array_append_val (ranges, range);
    }
  return ranges->len > 0 ? g_steal_pointer (&ranges) : NULL;
}

static gint
exit_policy_compare_ranges (gconstpointer a, gconstpointer b)
{
  const PortRange *x = a, *y = b;

  return x->low != y->low ? (gint) x->low - y->low : (gint) x->high - y->high;
}

/* Makes @ranges ascending and apart from each other. */
static void
exit_policy_normalise (GArray *ranges)
{
  PortRange *r = (PortRange *) (void *) ranges->data;
  guint n = 0;

  g_array_sort (ranges, exit_policy_compare_ranges);
  for (guint i = 1; i < ranges->len; i++)
    if (r[i].low <= (guint) r[n].high + 1)
      r[n].high = MAX (r[n].high, r[i].high);
    else
      r[++n] = r[i];
  g_array_set_size (ranges, n + 1);
}

static void
exit_policy_append_range (GArray *ranges, guint low, guint high)
{
  PortRange range = { (guint16) low, (guint16) high };

  if (low <= high)
    g_array_append_val (ranges, range);
}

/* Adds what @summary accepts to @self's ranges. */
static PortRanges
exit_policy_compile (CepaExitPolicyTable *self, CepaSlice summary)
{
  g_autoptr (GArray) parsed = NULL;
  PortRanges result = { self->ranges->len, 0 };
  gboolean accepts = exit_policy_take_word (&summary, "accept ");
  guint next = 1;

  if (!accepts && !exit_policy_take_word (&summary, "reject "))
    return result;
  parsed = exit_policy_parse_list (summary);
  if (parsed == NULL)
    return result;
  exit_policy_normalise (parsed);
  for (guint i = 0; i < parsed->len; i++)
    {
      PortRange range = g_array_index (parsed, PortRange, i);

      if (accepts)
        exit_policy_append_range (self->ranges, range.low, range.high);
      else
        exit_policy_append_range (self->ranges, next, range.low - 1u);
      next = range.high + 1u;
    }
  if (!accepts)
    exit_policy_append_range (self->ranges, next, EXIT_POLICY_MAX_PORT);
  result.n = self->ranges->len - result.first;
  return result;
}

guint32
cepa_exit_policy_table_intern (CepaExitPolicyTable *self, CepaSlice policy, CepaSlice policy6)
{
  gpointer known;
  ExitPolicy compiled;

  g_string_truncate (self->text, 0);
  g_string_append_len (self->text, policy.text, (gssize) policy.len);
  g_string_append_c (self->text, '\n');
  g_string_append_len (self->text, policy6.text, (gssize) policy6.len);
  if (g_hash_table_lookup_extended (self->by_text, self->text->str, NULL, &known))
    return GPOINTER_TO_UINT (known);
  compiled.ipv4 = exit_policy_compile (self, policy);
  compiled.ipv6 = exit_policy_compile (self, policy6);
  g_array_append_val (self->policies, compiled);
  g_hash_table_insert (self->by_text, g_strdup (self->text->str), GUINT_TO_POINTER (self->policies->len - 1));
  return self->policies->len - 1;
}

gboolean
cepa_exit_policy_table_allows (const CepaExitPolicyTable *self, guint32 policy, guint16 port,
                               gboolean ipv6)
{
  const ExitPolicy *compiled;
  const PortRange *ranges;
  guint low = 0, high;

  if (policy >= self->policies->len)
    return FALSE;
  compiled = &g_array_index (self->policies, ExitPolicy, policy);
  ranges = (const PortRange *) (const void *) self->ranges->data;
  ranges += ipv6 ? compiled->ipv6.first : compiled->ipv4.first;
  high = ipv6 ? compiled->ipv6.n : compiled->ipv4.n;
  if (port == 0)
    return high > 0;
  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (port > ranges[middle].high)
        low = middle + 1;
      else if (port < ranges[middle].low)
        high = middle;
      else
        return TRUE;
    }
  return FALSE;
}
