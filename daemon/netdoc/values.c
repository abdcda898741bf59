/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/values.h"

#include <arpa/inet.h>

#include "base/encoding.h"

#define VALUES_MAX_BASE64_BYTES 64
#define VALUES_MAX_SHOWN 60
#define VALUES_HEX_LEN 40 /* digits of a fingerprint */

static gboolean
values_is_blank (char c)
{
  return c == ' ' || c == '\t';
}

gboolean
cepa_slice_next_word (CepaSlice *rest, CepaSlice *word)
{
  const char *p = rest->text, *end, *start;

  if (rest->len == 0)
    return FALSE;
  end = p + rest->len;
  while (p < end && values_is_blank (*p))
    p++;
  start = p;
  while (p < end && !values_is_blank (*p))
    p++;
  rest->text = p;
  rest->len = (gsize) (end - p);
  if (p == start)
    return FALSE;
  word->text = start;
  word->len = (gsize) (p - start);
  return TRUE;
}

gboolean
cepa_slice_split_at (CepaSlice self, char separator, CepaSlice *name, CepaSlice *value)
{
  const char *at = self.len > 0 ? memchr (self.text, separator, self.len) : NULL;

  if (at == NULL || at == self.text)
    return FALSE;
  *name = (CepaSlice) { self.text, (gsize) (at - self.text) };
  *value = cepa_slice_skip (self, name->len + 1);
  return TRUE;
}

gboolean
cepa_slice_to_uint (CepaSlice self, guint64 max, guint64 *out)
{
  guint64 value = 0;

  if (self.len == 0)
    return FALSE;
  for (gsize i = 0; i < self.len; i++)
    {
      guint digit;

      if (!g_ascii_isdigit (self.text[i]))
        return FALSE;
      digit = (guint) (self.text[i] - '0');
      if (value > max / 10 || digit > max - value * 10)
        return FALSE;
      value = value * 10 + digit;
    }
  *out = value;
  return TRUE;
}

gboolean
cepa_slice_to_int32 (CepaSlice self, gint32 *out)
{
  gboolean is_negative = self.len > 0 && self.text[0] == '-';
  guint64 value;

  if (!cepa_slice_to_uint (is_negative ? cepa_slice_skip (self, 1) : self,
                           is_negative ? (guint64) G_MAXINT32 + 1 : (guint64) G_MAXINT32, &value))
    return FALSE;
  *out = (gint32) (is_negative ? -(gint64) value : (gint64) value);
  return TRUE;
}

gboolean
cepa_slice_to_port (CepaSlice self, guint16 *out)
{
  guint64 value;

  if (!cepa_slice_to_uint (self, G_MAXUINT16, &value))
    return FALSE;
  *out = (guint16) value;
  return TRUE;
}

/* The number of the @len digits at @offset, at most @max. */
static gboolean
values_read_digits (CepaSlice text, gsize offset, gsize len, guint max, guint *out)
{
  guint64 value;

  if (!cepa_slice_to_uint ((CepaSlice) { text.text + offset, len }, max, &value))
    return FALSE;
  *out = (guint) value;
  return TRUE;
}

/* The days from the first of 1970 to the given day, or -1 when there is no such day. */
static gint64
values_days_since_1970 (guint year, guint month, guint day)
{
  static const guint16 days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
  const guint leap_days_before_1970 = 477;
  gboolean is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  guint before = year - 1, length;

  if (year < 1970 || month < 1 || month > 12)
    return -1;
  length = (guint) (days_before[month] - days_before[month - 1]) + (month == 2 && is_leap);
  if (day < 1 || day > length)
    return -1;
  return (gint64) (year - 1970) * 365 + before / 4 - before / 100 + before / 400 - leap_days_before_1970
         + days_before[month - 1] + (month > 2 && is_leap) + day - 1;
}

gboolean
cepa_slice_to_time (CepaSlice self, gint64 *out)
{
  guint year, month, day, hour, minute, second;
  gint64 days;

  if (self.len != 19 || self.text[4] != '-' || self.text[7] != '-' || self.text[10] != ' '
      || self.text[13] != ':' || self.text[16] != ':')
    return FALSE;
  if (!values_read_digits (self, 0, 4, 9999, &year) || !values_read_digits (self, 5, 2, 12, &month)
      || !values_read_digits (self, 8, 2, 31, &day) || !values_read_digits (self, 11, 2, 23, &hour)
      || !values_read_digits (self, 14, 2, 59, &minute) || !values_read_digits (self, 17, 2, 59, &second))
    return FALSE;
  days = values_days_since_1970 (year, month, day);
  if (days < 0)
    return FALSE;
  *out = days * 86400 + hour * 3600 + minute * 60 + second;
  return TRUE;
}

gboolean
cepa_slice_to_ipv4 (CepaSlice self, guint32 *out)
{
  char text[INET_ADDRSTRLEN];
  struct in_addr address;

  if (self.len == 0 || self.len >= sizeof text)
    return FALSE;
  memcpy (text, self.text, self.len);
  text[self.len] = '\0';
  if (inet_pton (AF_INET, text, &address) != 1)
    return FALSE;
  *out = ntohl (address.s_addr);
  return TRUE;
}

gboolean
cepa_slice_to_ipv6_port (CepaSlice self, guint8 address[16], guint16 *port)
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr parsed;
  guint16 number;
  CepaSlice inside, behind;

  if (self.len == 0 || self.text[0] != '['
      || !cepa_slice_split_at (cepa_slice_skip (self, 1), ']', &inside, &behind) || inside.len >= sizeof text)
    return FALSE;
  memcpy (text, inside.text, inside.len);
  text[inside.len] = '\0';
  if (inet_pton (AF_INET6, text, &parsed) != 1)
    return FALSE;
  if (behind.len == 0 || behind.text[0] != ':' || !cepa_slice_to_port (cepa_slice_skip (behind, 1), &number)
      || number == 0)
    return FALSE;
  memcpy (address, &parsed, 16);
  *port = number;
  return TRUE;
}

gboolean
cepa_slice_to_base64 (CepaSlice self, guint8 *out, gsize len)
{
  guint8 bytes[VALUES_MAX_BASE64_BYTES];
  gsize got;

  g_assert (len <= sizeof bytes);
  if (!cepa_base64_decode (self.text, self.len, bytes, len, &got) || got != len)
    return FALSE;
  memcpy (out, bytes, len);
  return TRUE;
}

gboolean
cepa_slice_is_nickname (CepaSlice self)
{
  if (self.len < 1 || self.len > 19)
    return FALSE;
  for (gsize i = 0; i < self.len; i++)
    if (!g_ascii_isalnum (self.text[i]))
      return FALSE;
  return TRUE;
}

gboolean
cepa_slice_to_fingerprint (CepaSlice self, guint8 rsa_id[20])
{
  if (self.len > 0 && self.text[0] == '$')
    self = cepa_slice_skip (self, 1);
  if (self.len > VALUES_HEX_LEN)
    {
      char mark = self.text[VALUES_HEX_LEN];

      if ((mark != '=' && mark != '~') || !cepa_slice_is_nickname (cepa_slice_skip (self, VALUES_HEX_LEN + 1)))
        return FALSE;
      self.len = VALUES_HEX_LEN;
    }
  return cepa_hex_decode (self.text, self.len, rsa_id, 20);
}

gboolean
cepa_slice_is_printable (CepaSlice self)
{
  for (gsize i = 0; i < self.len; i++)
    if (!g_ascii_isprint (self.text[i]))
      return FALSE;
  return TRUE;
}

char *
cepa_slice_escape (CepaSlice self)
{
  return cepa_escape_for_log (self.text, self.len, VALUES_MAX_SHOWN);
}

char *
cepa_netdoc_format_time (gint64 time_s)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (time_s);

  if (time == NULL)
    return g_strdup_printf ("%" G_GINT64_FORMAT, time_s);
  return g_date_time_format (time, "%Y-%m-%d %H:%M:%S");
}
