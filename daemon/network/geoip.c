/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/geoip.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/encoding.h"
#include "base/file.h"

#define GEOIP_BLOCK 32 /* ranges that are looked through one after the other */
#define GEOIP_MAX_SHOWN 60
/* Bytes of text for one of the packed map: room for that is taken at once, and given back in part, for arrays that grow
   by doubling leave holes in the heap. Debian's files come to 12 and 23. */
#define GEOIP_PACKING 10
/* The pages of a map are given back each time that so much of it has been read. */
#define GEOIP_FORGET_BYTES (1024 * 1024)
#define GEOIP_N_SHIFTS 4

/* Zeros at the end of most distances, by the family's ways to give out addresses: descending, so that the first that fits is
   taken. */
static const guint8 geoip_shifts_ipv4[GEOIP_N_SHIFTS] = { 12, 8, 4, 0 };
static const guint8 geoip_shifts_ipv6[GEOIP_N_SHIFTS] = { 32, 24, 16, 0 };

/* Ranges by their beginnings, ascending and without gaps: what no line covers is of country 0. Of every GEOIP_BLOCK the
   first has its beginning in @keys; then come numbers: how far it is to the next, and the country of each. The country is a
   varint. So is the distance, without the zeros at its end: the first two bits say how many. */
typedef struct
{
  const guint8 *shifts;
  GArray *keys;    /* of guint64 */
  GArray *offsets; /* of guint32: in @bytes */
  GByteArray *bytes; /* (nullable): while it is filled */
  guint8 *packed;    /* (nullable): from then on */
  gsize packed_len;
  guint n;         /* ranges */
  guint64 last_key;
  guint last_country;
} GeoipMap;

/* A line. */
typedef struct
{
  guint64 low, high;
  guint country;
} GeoipRange;

/* A line of IPv6 whose range begins or ends within a /64. */
typedef struct
{
  guint8 low[16], high[16];
  guint country;
} GeoipFine;

struct _CepaGeoip
{
  gatomicrefcount ref_count;
  GPtrArray *countries; /* (element-type utf8): by number; 0 is "" */
  GHashTable *numbers;  /* (element-type utf8 guint) */
  GeoipMap ipv4, ipv6;  /* of IPv6 the first half of the address */
  GArray *fine;         /* of GeoipFine, ascending */
  gboolean has_ipv4, has_ipv6;
};

/* Ranges by their beginnings on the way into a map: where one ends, those go on that began before it and end later. */
typedef struct
{
  GeoipMap *map;
  GArray *open;  /* (element-type GeoipRange): those that are not over, each of which ends before the one before it */
  guint64 key;   /* from here on it is @country: put into the map when the next key is another */
  guint country;
  gboolean has_key;
} GeoipSweep;

/* A text being read. */
typedef struct
{
  CepaGeoip *geoip;
  gboolean is_ipv6, is_mapped;
  GeoipSweep sweep;
  guint64 last_low;
  GArray *ranges;       /* (nullable) (element-type GeoipRange): of a text that is not in order */
  gboolean is_unsorted;
  guint line, n_damaged, first_damaged;
  char *first_text;     /* (nullable): what a message may show of it */
} GeoipReader;

/* ---- the packed map ---- */

/* For a text of @text_len bytes. */
static void
geoip_map_init (GeoipMap *self, gboolean is_ipv6, gsize text_len)
{
  memset (self, 0, sizeof *self);
  self->shifts = is_ipv6 ? geoip_shifts_ipv6 : geoip_shifts_ipv4;
  self->keys = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->offsets = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->bytes = g_byte_array_sized_new ((guint) (text_len / GEOIP_PACKING));
}

static void
geoip_map_clear (GeoipMap *self)
{
  g_clear_pointer (&self->keys, g_array_unref);
  g_clear_pointer (&self->offsets, g_array_unref);
  g_clear_pointer (&self->bytes, g_byte_array_unref);
  g_clear_pointer (&self->packed, g_free);
}

static void
geoip_map_put_varint (GeoipMap *self, guint64 value)
{
  guint8 byte;

  for (; value >= 0x80; value >>= 7)
    {
      byte = (guint8) (value | 0x80);
      g_byte_array_append (self->bytes, &byte, 1);
    }
  byte = (guint8) value;
  g_byte_array_append (self->bytes, &byte, 1);
}

static inline guint64
geoip_map_take_varint (const guint8 **next)
{
  guint64 value = 0;
  guint shift = 0;

  while ((**next & 0x80) != 0)
    {
      value |= (guint64) (*(*next)++ & 0x7f) << shift;
      shift += 7;
    }
  return value | (guint64) *(*next)++ << shift;
}

/* Two bits of which shift, five of the number, one that says that more comes. @distance: not 0 */
static void
geoip_map_put_distance (GeoipMap *self, guint64 distance)
{
  guint shift = 0;
  guint8 byte;

  while ((distance & ((G_GUINT64_CONSTANT (1) << self->shifts[shift]) - 1)) != 0)
    shift++;
  distance >>= self->shifts[shift];
  byte = (guint8) (shift | (distance & 31) << 2 | (distance > 31 ? 0x80 : 0));
  g_byte_array_append (self->bytes, &byte, 1);
  if (distance > 31)
    geoip_map_put_varint (self, distance >> 5);
}

static inline guint64
geoip_map_take_distance (const GeoipMap *self, const guint8 **next)
{
  guint8 byte = *(*next)++;
  guint64 distance = byte >> 2 & 31;

  if ((byte & 0x80) != 0)
    distance |= geoip_map_take_varint (next) << 5;
  return distance << self->shifts[byte & 3];
}

/* From @key on, which is above the last, the country is another. */
static void
geoip_map_put (GeoipMap *self, guint64 key, guint country)
{
  if (self->n > 0 && self->last_country == country)
    return;
  if (self->n % GEOIP_BLOCK == 0)
    {
      guint32 offset = self->bytes->len;

      g_array_append_val (self->keys, key);
      g_array_append_val (self->offsets, offset);
    }
  else
    geoip_map_put_distance (self, key - self->last_key);
  geoip_map_put_varint (self, country);
  self->last_key = key;
  self->last_country = country;
  self->n++;
}

/* It is filled: gives back the room that is left. */
static void
geoip_map_finish (GeoipMap *self)
{
  self->packed = g_byte_array_steal (self->bytes, &self->packed_len);
  self->packed = g_realloc (self->packed, self->packed_len);
  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

static gsize
geoip_map_get_size (const GeoipMap *self)
{
  if (self->keys == NULL)
    return 0;
  return self->keys->len * sizeof (guint64) + self->offsets->len * sizeof (guint32) + self->packed_len;
}

static guint
geoip_map_find (const GeoipMap *self, guint64 key)
{
  guint low = 0, high = self->keys != NULL ? self->keys->len : 0, n;
  const guint8 *next;
  guint64 at;
  guint country;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (g_array_index (self->keys, guint64, middle) <= key)
        low = middle + 1;
      else
        high = middle;
    }
  if (low == 0)
    return 0;
  n = MIN (self->n - (low - 1) * GEOIP_BLOCK, GEOIP_BLOCK);
  next = self->packed + g_array_index (self->offsets, guint32, low - 1);
  at = g_array_index (self->keys, guint64, low - 1);
  country = (guint) geoip_map_take_varint (&next);
  for (guint i = 1; i < n; i++)
    {
      at += geoip_map_take_distance (self, &next);
      if (at > key)
        break;
      country = (guint) geoip_map_take_varint (&next);
    }
  return country;
}

static gint
geoip_compare_ranges (gconstpointer a, gconstpointer b)
{
  const GeoipRange *x = a, *y = b;

  return (x->low > y->low) - (x->low < y->low);
}

static gint
geoip_compare_fine (gconstpointer a, gconstpointer b)
{
  return memcmp (((const GeoipFine *) a)->low, ((const GeoipFine *) b)->low, sizeof ((const GeoipFine *) a)->low);
}

static void
geoip_sweep_init (GeoipSweep *self, GeoipMap *map)
{
  *self = (GeoipSweep) { .map = map, .open = g_array_new (FALSE, FALSE, sizeof (GeoipRange)) };
}

static const GeoipRange *
geoip_sweep_last (const GeoipSweep *self)
{
  return self->open->len > 0 ? &g_array_index (self->open, GeoipRange, self->open->len - 1) : NULL;
}

/* From @key on, which is not below the last. */
static void
geoip_sweep_turn (GeoipSweep *self, guint64 key, guint country)
{
  if (self->has_key && self->key != key)
    geoip_map_put (self->map, self->key, self->country);
  self->key = key;
  self->country = country;
  self->has_key = TRUE;
}

/* The last one is over. */
static void
geoip_sweep_end_last (GeoipSweep *self)
{
  guint64 high = geoip_sweep_last (self)->high;
  const GeoipRange *before;

  g_array_set_size (self->open, self->open->len - 1);
  before = geoip_sweep_last (self);
  if (high != G_MAXUINT64)
    geoip_sweep_turn (self, high + 1, before != NULL ? before->country : 0);
}

/* @range: begins at or behind the one before it */
static void
geoip_sweep_add (GeoipSweep *self, const GeoipRange *range)
{
  while (self->open->len > 0 && geoip_sweep_last (self)->high < range->low)
    geoip_sweep_end_last (self);
  geoip_sweep_turn (self, range->low, range->country);
  while (self->open->len > 0 && geoip_sweep_last (self)->high <= range->high)
    g_array_set_size (self->open, self->open->len - 1);
  g_array_append_vals (self->open, range, 1);
}

/* There are no more. */
static void
geoip_sweep_finish (GeoipSweep *self)
{
  while (self->open->len > 0)
    geoip_sweep_end_last (self);
  if (self->has_key)
    geoip_map_put (self->map, self->key, self->country);
  g_array_unref (self->open);
}

/* ---- reading ---- */

/* The country's number, a new one when it has none; 0 for what is no country: "??", or not two letters or digits. */
static gboolean
geoip_reader_number_country (GeoipReader *self, const char *text, gsize len, guint *out)
{
  CepaGeoip *geoip = self->geoip;
  char code[3] = { 0 };
  gpointer number;

  if (len == 2 && memcmp (text, "??", 2) == 0)
    {
      *out = 0;
      return TRUE;
    }
  if (len != 2 || !g_ascii_isalnum (text[0]) || !g_ascii_isalnum (text[1]))
    return FALSE;
  code[0] = g_ascii_tolower (text[0]);
  code[1] = g_ascii_tolower (text[1]);
  number = g_hash_table_lookup (geoip->numbers, code);
  if (number == NULL)
    {
      char *kept = g_strdup (code);

      number = GUINT_TO_POINTER (geoip->countries->len);
      g_ptr_array_add (geoip->countries, kept);
      g_hash_table_insert (geoip->numbers, kept, number);
    }
  *out = GPOINTER_TO_UINT (number);
  return TRUE;
}

/* Takes what is before the next comma off @rest, without quotation marks around it. */
static gboolean
geoip_take_part (const char **rest, const char *end, const char **part, gsize *len)
{
  const char *comma;

  if (*rest > end)
    return FALSE;
  comma = memchr (*rest, ',', (gsize) (end - *rest));
  if (comma == NULL)
    comma = end;
  *part = *rest;
  *len = (gsize) (comma - *rest);
  *rest = comma + 1;
  if (*len >= 2 && (*part)[0] == '"' && (*part)[*len - 1] == '"')
    {
      (*part)++;
      *len -= 2;
    }
  return *len > 0;
}

static gboolean
geoip_read_number (const char *text, gsize len, guint64 *out)
{
  guint64 value = 0;

  if (len == 0 || len > 10)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isdigit (text[i]))
        return FALSE;
      value = value * 10 + (guint64) (text[i] - '0');
    }
  *out = value;
  return value <= G_MAXUINT32;
}

static gboolean
geoip_read_ipv6 (const char *text, gsize len, guint8 out[16])
{
  char address[INET6_ADDRSTRLEN];

  if (len >= sizeof address)
    return FALSE;
  memcpy (address, text, len);
  address[len] = '\0';
  return inet_pton (AF_INET6, address, out) == 1;
}

static guint64
geoip_first_half (const guint8 ipv6[16])
{
  guint64 half;

  memcpy (&half, ipv6, sizeof half);
  return GUINT64_FROM_BE (half);
}

/* Whether all of the second half of an address are @byte. */
static gboolean
geoip_second_half_is (const guint8 ipv6[16], guint8 byte)
{
  for (guint i = 8; i < 16; i++)
    if (ipv6[i] != byte)
      return FALSE;
  return TRUE;
}

static gboolean
geoip_reader_take_range (GeoipReader *self, guint64 low, guint64 high, guint country)
{
  GeoipRange range = { low, high, country };

  if (high < low)
    return FALSE;
  if (self->ranges != NULL)
    g_array_append_val (self->ranges, range);
  else if (low < self->last_low)
    self->is_unsorted = TRUE; /* what comes of it so far does not count */
  else
    {
      geoip_sweep_add (&self->sweep, &range);
      self->last_low = low;
    }
  return TRUE;
}

static gboolean
geoip_reader_take_ipv6 (GeoipReader *self, const GeoipFine *range)
{
  if (geoip_second_half_is (range->low, 0) && geoip_second_half_is (range->high, 0xff))
    return geoip_reader_take_range (self, geoip_first_half (range->low), geoip_first_half (range->high),
                                    range->country);
  if (memcmp (range->high, range->low, sizeof range->low) < 0)
    return FALSE;
  g_array_append_val (self->geoip->fine, *range);
  return TRUE;
}

/* Returns: whether the line is good. */
static gboolean
geoip_reader_read_line (GeoipReader *self, const char *line, const char *end)
{
  const char *rest = line, *parts[3];
  gsize lens[3];
  GeoipFine fine;
  guint64 low, high;
  guint country;

  if ((gsize) (end - line) > CEPA_GEOIP_MAX_LINE)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (!geoip_take_part (&rest, end, &parts[i], &lens[i]))
      return FALSE;
  if (self->is_ipv6)
    return geoip_read_ipv6 (parts[0], lens[0], fine.low) && geoip_read_ipv6 (parts[1], lens[1], fine.high)
           && geoip_reader_number_country (self, parts[2], lens[2], &fine.country)
           && geoip_reader_take_ipv6 (self, &fine);
  return geoip_read_number (parts[0], lens[0], &low) && geoip_read_number (parts[1], lens[1], &high)
         && geoip_reader_number_country (self, parts[2], lens[2], &country)
         && geoip_reader_take_range (self, low, high, country);
}

static void
geoip_reader_note_damage (GeoipReader *self, const char *line, const char *end)
{
  if (self->n_damaged++ > 0)
    return;
  self->first_damaged = self->line;
  self->first_text = cepa_escape_for_log (line, (gsize) (end - line), GEOIP_MAX_SHOWN);
}

static void
geoip_reader_read (GeoipReader *self, GBytes *text)
{
  gsize len;
  const char *next = g_bytes_get_data (text, &len), *end = next + len, *kept = next;

  while (next < end)
    {
      const char *newline = memchr (next, '\n', (gsize) (end - next)), *stop = newline != NULL ? newline : end;
      const char *line_end = stop > next && stop[-1] == '\r' ? stop - 1 : stop;

      self->line++;
      while (next < line_end && (*next == ' ' || *next == '\t'))
        next++;
      if (next < line_end && *next != '#' && !geoip_reader_read_line (self, next, line_end))
        geoip_reader_note_damage (self, next, line_end);
      next = stop + 1;
      if (self->is_mapped && next - kept >= GEOIP_FORGET_BYTES)
        {
          cepa_file_forget_pages (text);
          kept = next;
        }
    }
}

/* The text again, into an array, which is put in order. */
static void
geoip_reader_read_unsorted (GeoipReader *self, GBytes *text)
{
  GeoipReader again = { .geoip = self->geoip, .is_ipv6 = self->is_ipv6, .is_mapped = self->is_mapped };
  GeoipMap *map = self->sweep.map;

  g_array_set_size (self->geoip->fine, 0);
  geoip_map_clear (map);
  geoip_map_init (map, self->is_ipv6, g_bytes_get_size (text));
  geoip_sweep_init (&again.sweep, map);
  again.ranges = g_array_new (FALSE, FALSE, sizeof (GeoipRange));
  geoip_reader_read (&again, text);
  g_array_sort (again.ranges, geoip_compare_ranges);
  for (guint i = 0; i < again.ranges->len; i++)
    geoip_sweep_add (&again.sweep, &g_array_index (again.ranges, GeoipRange, i));
  geoip_sweep_finish (&again.sweep);
  g_array_unref (again.ranges);
  g_free (again.first_text);
}

static void
geoip_read_text (CepaGeoip *self, GBytes *text, gboolean is_ipv6, gboolean is_mapped, GPtrArray *problems)
{
  GeoipReader reader = { .geoip = self, .is_ipv6 = is_ipv6, .is_mapped = is_mapped };
  GeoipMap *map = is_ipv6 ? &self->ipv6 : &self->ipv4;
  const char *family = is_ipv6 ? "IPv6" : "IPv4";

  if (g_bytes_get_size (text) > CEPA_GEOIP_MAX_BYTES)
    {
      g_ptr_array_add (problems, g_strdup_printf ("the countries of %s addresses have more than %d bytes; they are left "
                                                  "out", family, CEPA_GEOIP_MAX_BYTES));
      return;
    }
  geoip_map_init (map, is_ipv6, g_bytes_get_size (text));
  geoip_sweep_init (&reader.sweep, map);
  geoip_reader_read (&reader, text);
  geoip_sweep_finish (&reader.sweep);
  if (reader.is_unsorted)
    geoip_reader_read_unsorted (&reader, text);
  geoip_map_finish (map);
  if (reader.n_damaged > 0)
    g_ptr_array_add (problems,
                     g_strdup_printf ("%u of the lines with countries of %s addresses are damaged and left out; the "
                                      "first is line %u: \"%s\"", reader.n_damaged, family, reader.first_damaged,
                                      reader.first_text));
  if (is_ipv6)
    self->has_ipv6 = map->n > 0 || self->fine->len > 0;
  else
    self->has_ipv4 = map->n > 0;
  g_free (reader.first_text);
}

/* ---- public ---- */

static CepaGeoip *
geoip_new (GBytes *ipv4, GBytes *ipv6, gboolean are_mapped, GPtrArray *problems)
{
  CepaGeoip *self = g_new0 (CepaGeoip, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->countries = g_ptr_array_new_with_free_func (g_free);
  self->numbers = g_hash_table_new (g_str_hash, g_str_equal);
  self->fine = g_array_new (FALSE, FALSE, sizeof (GeoipFine));
  g_ptr_array_add (self->countries, g_strdup (""));
  if (ipv4 != NULL)
    geoip_read_text (self, ipv4, FALSE, are_mapped, problems);
  if (ipv6 != NULL)
    geoip_read_text (self, ipv6, TRUE, are_mapped, problems);
  g_array_sort (self->fine, geoip_compare_fine);
  return self;
}

CepaGeoip *
cepa_geoip_new (GBytes *ipv4, GBytes *ipv6, GPtrArray *problems)
{
  return geoip_new (ipv4, ipv6, FALSE, problems);
}

CepaGeoip *
cepa_geoip_new_from_maps (GBytes *ipv4, GBytes *ipv6, GPtrArray *problems)
{
  return geoip_new (ipv4, ipv6, TRUE, problems);
}

CepaGeoip *
cepa_geoip_ref (CepaGeoip *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_geoip_unref (CepaGeoip *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  geoip_map_clear (&self->ipv4);
  geoip_map_clear (&self->ipv6);
  g_array_unref (self->fine);
  g_hash_table_unref (self->numbers);
  g_ptr_array_unref (self->countries);
  g_free (self);
}

gboolean
cepa_geoip_has_ipv4 (const CepaGeoip *self)
{
  return self->has_ipv4;
}

gboolean
cepa_geoip_has_ipv6 (const CepaGeoip *self)
{
  return self->has_ipv6;
}

gboolean
cepa_geoip_knows_country (const CepaGeoip *self, const char *country)
{
  return g_hash_table_contains (self->numbers, country);
}

static gboolean
geoip_tell (const CepaGeoip *self, guint number, char country[4])
{
  memset (country, 0, 4);
  memcpy (country, g_ptr_array_index (self->countries, number), number != 0 ? 2 : 0);
  return number != 0;
}

gboolean
cepa_geoip_find_ipv4 (const CepaGeoip *self, guint32 ipv4, char country[4])
{
  return geoip_tell (self, geoip_map_find (&self->ipv4, ipv4), country);
}

/* The country of the last of the fine ranges that begins at or before @ipv6, when it is in it. */
static guint
geoip_find_fine (const CepaGeoip *self, const guint8 *ipv6)
{
  guint low = 0, high = self->fine->len;
  const GeoipFine *found;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (memcmp (g_array_index (self->fine, GeoipFine, middle).low, ipv6, 16) <= 0)
        low = middle + 1;
      else
        high = middle;
    }
  if (low == 0)
    return 0;
  found = &g_array_index (self->fine, GeoipFine, low - 1);
  return memcmp (ipv6, found->high, sizeof found->high) <= 0 ? found->country : 0;
}

gboolean
cepa_geoip_find_ipv6 (const CepaGeoip *self, const guint8 *ipv6, char country[4])
{
  guint number = geoip_find_fine (self, ipv6);

  return geoip_tell (self, number != 0 ? number : geoip_map_find (&self->ipv6, geoip_first_half (ipv6)), country);
}

gsize
cepa_geoip_get_size (const CepaGeoip *self)
{
  return geoip_map_get_size (&self->ipv4) + geoip_map_get_size (&self->ipv6) + self->fine->len * sizeof (GeoipFine);
}
