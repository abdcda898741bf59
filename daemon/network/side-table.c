/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/side-table.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"

#define SIDE_MAX_NUMBER 40 /* letters */
#define SIDE_MAX_SHOWN 40
#define SIDE_N_LENGTHS 129 /* of prefixes */
#define SIDE_HASH_INIT G_GUINT64_CONSTANT (0xcbf29ce484222325)
#define SIDE_HASH_STEP G_GUINT64_CONSTANT (0x100000001b3)

/* A fingerprint; or an address, with 4 or 6 and the bits that count behind it. Bytes that are not used are 0. */
typedef struct
{
  guint8 bytes[20];
} SideKey;

#define SIDE_KEY_FAMILY 16
#define SIDE_KEY_BITS 17

struct _CepaSideTable
{
  gatomicrefcount ref_count;
  gboolean is_by_prefix;
  GPtrArray *columns;   /* (element-type utf8) */
  GHashTable *rows;     /* (element-type SideKey guint): number of the row + 1 */
  GArray *keys;         /* of SideKey, by row: what @rows points to once all is read */
  GArray *numbers;      /* of double: row by row */
  gboolean has_length[2][SIDE_N_LENGTHS]; /* which prefixes there are, of IPv4 and IPv6 */
  guint64 id;
};

/* ---- keys ---- */

static guint
side_key_hash (gconstpointer key)
{
  const guint8 *bytes = key;
  guint hash = 5381;

  for (guint i = 0; i < sizeof (SideKey); i++)
    hash = hash * 33 + bytes[i];
  return hash;
}

static gboolean
side_key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (SideKey)) == 0;
}

/* The first @bits of an address of @len bytes. */
static SideKey
side_key_of_prefix (const guint8 *address, guint len, guint bits)
{
  SideKey key = { { 0 } };

  memcpy (key.bytes, address, (bits + 7) / 8);
  if (bits % 8 != 0)
    key.bytes[bits / 8] &= (guint8) (0xff00 >> bits % 8);
  key.bytes[SIDE_KEY_FAMILY] = len == 4 ? 4 : 6;
  key.bytes[SIDE_KEY_BITS] = (guint8) bits;
  return key;
}

static gboolean
side_key_read_prefix (char *text, SideKey *key)
{
  guint8 address[16];
  char *slash = strchr (text, '/');
  gboolean is_ipv4;
  guint64 bits;

  if (slash != NULL)
    *slash = '\0';
  is_ipv4 = inet_pton (AF_INET, text, address) == 1;
  if (!is_ipv4 && inet_pton (AF_INET6, text, address) != 1)
    return FALSE;
  bits = is_ipv4 ? 32 : 128;
  if (slash != NULL && !g_ascii_string_to_unsigned (slash + 1, 10, 0, bits, &bits, NULL))
    return FALSE;
  *key = side_key_of_prefix (address, is_ipv4 ? 4 : 16, (guint) bits);
  return TRUE;
}

static gboolean
side_key_read_fingerprint (const char *text, SideKey *key)
{
  if (*text == '$')
    text++;
  return cepa_hex_decode (text, strlen (text), key->bytes, sizeof key->bytes);
}

/* ---- reading ---- */

/* Cuts the next part off @rest, NULL behind the last, without blanks and quotation marks around it. */
static char *
side_take_part (char **rest)
{
  char *part = *rest, *comma;
  gsize len;

  if (part == NULL)
    return NULL;
  comma = strchr (part, ',');
  *rest = comma != NULL ? comma + 1 : NULL;
  if (comma != NULL)
    *comma = '\0';
  part = g_strstrip (part);
  len = strlen (part);
  if (len >= 2 && part[0] == '"' && part[len - 1] == '"')
    {
      part[len - 1] = '\0';
      part++;
    }
  return part;
}

static gboolean
side_refuse (const char *shown, const char *what, GError **error)
{
  g_autofree char *text = cepa_escape_for_log (shown, strlen (shown), SIDE_MAX_SHOWN);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "\"%s\" %s", text, what);
  return FALSE;
}

static gboolean
side_is_name (const char *text)
{
  gsize len = strlen (text);

  return len > 0 && len <= CEPA_SIDE_TABLE_MAX_NAME
         && strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.") == len;
}

static gboolean
side_table_read_header (CepaSideTable *self, char *line, GError **error)
{
  char *part = side_take_part (&line);

  self->is_by_prefix = g_str_equal (part, "prefix");
  if (!self->is_by_prefix && !g_str_equal (part, "fingerprint"))
    return side_refuse (part, "is not what a table begins with: fingerprint or prefix", error);
  while ((part = side_take_part (&line)) != NULL)
    {
      if (!side_is_name (part))
        return side_refuse (part, "is not a column's name: letters, digits, _, - and .", error);
      if (g_ptr_array_find_with_equal_func (self->columns, part, g_str_equal, NULL))
        return side_refuse (part, "is the name of two columns", error);
      if (self->columns->len == CEPA_SIDE_TABLE_MAX_COLUMNS)
        return side_refuse (part, "is one column too many", error);
      g_ptr_array_add (self->columns, g_strdup (part));
    }
  return self->columns->len > 0 || side_refuse ("", "is all behind the key's name: there is no column", error);
}

static gboolean
side_read_number (const char *text, double *out)
{
  char *end = NULL;

  *out = NAN;
  if (text[0] == '\0' || g_ascii_strcasecmp (text, "nan") == 0)
    return TRUE;
  /* Not what strtod() takes besides: hexadecimal numbers, infinity. */
  if (strlen (text) > SIDE_MAX_NUMBER || text[strspn (text, G_CSET_DIGITS "+-.eE")] != '\0')
    return FALSE;
  *out = g_ascii_strtod (text, &end);
  return *end == '\0' && isfinite (*out);
}

static gboolean
side_table_read_row (CepaSideTable *self, char *line, GError **error)
{
  char *part = side_take_part (&line);
  SideKey key;

  if (self->keys->len == CEPA_SIDE_TABLE_MAX_ROWS)
    return side_refuse (part, "is one row too many", error);
  if (!self->is_by_prefix && !side_key_read_fingerprint (part, &key))
    return side_refuse (part, "is not a fingerprint of 40 hexadecimal digits", error);
  if (self->is_by_prefix && !side_key_read_prefix (part, &key))
    return side_refuse (part, "is not a prefix as 192.0.2.0/24 or 2001:db8::/32", error);
  g_array_append_val (self->keys, key);
  for (guint i = 0; i < self->columns->len; i++)
    {
      double number;

      part = side_take_part (&line);
      if (part == NULL)
        return side_refuse (g_ptr_array_index (self->columns, i), "has no number in this line", error);
      if (!side_read_number (part, &number))
        return side_refuse (part, "is not a number", error);
      g_array_append_val (self->numbers, number);
    }
  return line == NULL || side_refuse (line, "is behind the last column", error);
}

/* Makes the keys findable; FALSE when one is there twice. */
static gboolean
side_table_index (CepaSideTable *self, GError **error)
{
  for (guint i = 0; i < self->keys->len; i++)
    {
      SideKey *key = &g_array_index (self->keys, SideKey, i);

      if (!g_hash_table_insert (self->rows, key, GUINT_TO_POINTER (i + 1)))
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "row %u has the key of another", i + 1);
          return FALSE;
        }
      if (self->is_by_prefix)
        self->has_length[key->bytes[SIDE_KEY_FAMILY] == 6][key->bytes[SIDE_KEY_BITS]] = TRUE;
    }
  return TRUE;
}

static gboolean
side_table_read (CepaSideTable *self, const char *text, gsize len, GError **error)
{
  const char *next = text, *end = text + len;
  char line[CEPA_SIDE_TABLE_MAX_LINE + 1];

  for (guint number = 1; next < end; number++)
    {
      const char *newline = memchr (next, '\n', (gsize) (end - next));
      gsize line_len = (gsize) ((newline != NULL ? newline : end) - next);
      gboolean good = TRUE;

      if (line_len > CEPA_SIDE_TABLE_MAX_LINE || memchr (next, '\0', line_len) != NULL)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "line %u is longer than %d bytes, or no text", number,
                       CEPA_SIDE_TABLE_MAX_LINE);
          return FALSE;
        }
      memcpy (line, next, line_len);
      line[line_len] = '\0';
      g_strstrip (line);
      if (line[0] != '\0' && line[0] != '#')
        good = self->columns->len == 0 ? side_table_read_header (self, line, error)
                                       : side_table_read_row (self, line, error);
      if (!good)
        {
          g_prefix_error (error, "line %u: ", number);
          return FALSE;
        }
      next += line_len + 1;
    }
  if (self->columns->len > 0)
    return side_table_index (self, error);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "there is no line with the names of columns");
  return FALSE;
}

static guint64
side_hash (const char *text, gsize len)
{
  guint64 hash = SIDE_HASH_INIT;

  for (gsize i = 0; i < len; i++)
    hash = (hash ^ (guint8) text[i]) * SIDE_HASH_STEP;
  return MAX (hash, 1);
}

CepaSideTable *
cepa_side_table_parse (GBytes *text, GError **error)
{
  g_autoptr (CepaSideTable) self = NULL;
  gsize len;
  const char *bytes = g_bytes_get_data (text, &len);

  if (len > CEPA_SIDE_TABLE_MAX_BYTES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT, "the table has more than %d bytes",
                   CEPA_SIDE_TABLE_MAX_BYTES);
      return NULL;
    }
  self = g_new0 (CepaSideTable, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->columns = g_ptr_array_new_with_free_func (g_free);
  self->rows = g_hash_table_new (side_key_hash, side_key_equal);
  self->keys = g_array_new (FALSE, FALSE, sizeof (SideKey));
  self->numbers = g_array_new (FALSE, FALSE, sizeof (double));
  self->id = side_hash (bytes, len);
  return side_table_read (self, bytes, len, error) ? g_steal_pointer (&self) : NULL;
}

CepaSideTable *
cepa_side_table_ref (CepaSideTable *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
cepa_side_table_unref (CepaSideTable *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->columns);
  g_hash_table_unref (self->rows);
  g_array_unref (self->keys);
  g_array_unref (self->numbers);
  g_free (self);
}

guint
cepa_side_table_get_n_rows (const CepaSideTable *self)
{
  return self->keys->len;
}

guint
cepa_side_table_get_n_columns (const CepaSideTable *self)
{
  return self->columns->len;
}

const char *
cepa_side_table_get_column (const CepaSideTable *self, guint column)
{
  return g_ptr_array_index (self->columns, column);
}

guint64
cepa_side_table_get_id (const CepaSideTable *self)
{
  return self->id;
}

/* ---- finding ---- */

/* The number of the row + 1; 0 when there is none. */
static guint
side_table_find_key (const CepaSideTable *self, const SideKey *key)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->rows, key));
}

static guint
side_table_find_address (const CepaSideTable *self, const guint8 *address, guint len)
{
  guint found = 0;

  for (guint bits = 8 * len + 1; found == 0 && bits-- > 0;)
    if (self->has_length[len != 4][bits])
      {
        SideKey key = side_key_of_prefix (address, len, bits);

        found = side_table_find_key (self, &key);
      }
  return found;
}

const double *
cepa_side_table_find (const CepaSideTable *self, const CepaRelay *relay)
{
  const guint8 ipv4[4] = { (guint8) (relay->ipv4 >> 24), (guint8) (relay->ipv4 >> 16), (guint8) (relay->ipv4 >> 8),
                           (guint8) relay->ipv4 };
  SideKey key;
  guint found = 0;

  if (!self->is_by_prefix)
    {
      memcpy (key.bytes, relay->rsa_id, sizeof key.bytes);
      found = side_table_find_key (self, &key);
    }
  if (self->is_by_prefix && relay->ipv4 != 0)
    found = side_table_find_address (self, ipv4, sizeof ipv4);
  if (self->is_by_prefix && found == 0 && relay->ipv6_port != 0)
    found = side_table_find_address (self, relay->ipv6, sizeof relay->ipv6);
  return found != 0 ? &g_array_index (self->numbers, double, (gsize) (found - 1) * self->columns->len) : NULL;
}
