/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/torrc.h"

#include <string.h>

#include "base/error.h"

typedef struct
{
  const char *p, *end;
  const char *name;
  guint line; /* of @p, from 1 */
} TorrcCursor;

CepaTorrcLine *
cepa_torrc_line_new (const char *where, CepaTorrcCommand command, const char *key, const char *value)
{
  CepaTorrcLine *self = g_new0 (CepaTorrcLine, 1);

  self->where = g_strdup (where);
  self->command = command;
  self->key = g_strdup (key);
  self->value = g_strdup (value);
  return self;
}

void
cepa_torrc_line_free (CepaTorrcLine *self)
{
  if (self == NULL)
    return;
  g_free (self->where);
  g_free (self->key);
  g_free (self->value);
  g_free (self);
}

static gboolean G_GNUC_PRINTF (4, 5)
torrc_fail (const TorrcCursor *cursor, guint line, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s:%u: %s", cursor->name, line, text);
  return FALSE;
}

static gboolean
torrc_is_at (const TorrcCursor *cursor, char c)
{
  return cursor->p < cursor->end && *cursor->p == c;
}

static void
torrc_next (TorrcCursor *cursor)
{
  if (*cursor->p++ == '\n')
    cursor->line++;
}

/* The length of a backslash and the end of line behind it; 0 when there is none here. */
static gsize
torrc_continuation (const TorrcCursor *cursor)
{
  gsize left = (gsize) (cursor->end - cursor->p);

  if (left >= 2 && memcmp (cursor->p, "\\\n", 2) == 0)
    return 2;
  return left >= 3 && memcmp (cursor->p, "\\\r\n", 3) == 0 ? 3 : 0;
}

/* Leaves the cursor at the end of the line. */
static void
torrc_skip_comment (TorrcCursor *cursor)
{
  const char *newline = memchr (cursor->p, '\n', (gsize) (cursor->end - cursor->p));

  cursor->p = newline != NULL ? newline : cursor->end;
}

static void
torrc_skip_blank (TorrcCursor *cursor)
{
  while (cursor->p < cursor->end)
    if (*cursor->p == '#')
      torrc_skip_comment (cursor);
    else if (g_ascii_isspace (*cursor->p))
      torrc_next (cursor);
    else
      return;
}

static void
torrc_read_key (TorrcCursor *cursor, GString *key)
{
  while (cursor->p < cursor->end && !g_ascii_isspace (*cursor->p) && *cursor->p != '#'
         && torrc_continuation (cursor) == 0)
    g_string_append_c (key, *cursor->p++);
  while (torrc_is_at (cursor, ' ') || torrc_is_at (cursor, '\t'))
    cursor->p++;
}

/*
 * Once a value has been continued, a comment in it no longer ends it: the value goes on in the next line.
 * That is C Tor's rule (its doc/torrc_format.txt), so that comments can stand between continued lines.
 */
static void
torrc_read_plain (TorrcCursor *cursor, GString *value)
{
  gboolean continued = FALSE;
  gsize skip;

  while (cursor->p < cursor->end && *cursor->p != '\n' && (*cursor->p != '#' || continued))
    if ((skip = torrc_continuation (cursor)) > 0)
      {
        continued = TRUE;
        cursor->p += skip;
        cursor->line++;
      }
    else if (*cursor->p == '#')
      {
        torrc_skip_comment (cursor);
        if (cursor->p < cursor->end)
          torrc_next (cursor);
      }
    else
      g_string_append_c (value, *cursor->p++);
  while (value->len > 0 && g_ascii_isspace (value->str[value->len - 1]))
    g_string_truncate (value, value->len - 1);
}

static int
torrc_octal_digit (const TorrcCursor *cursor)
{
  return cursor->p < cursor->end && *cursor->p >= '0' && *cursor->p <= '7' ? *cursor->p - '0' : -1;
}

/* What stands behind a backslash in quotes. Returns the byte that is meant, -1 when it means none. */
static int
torrc_read_escape (TorrcCursor *cursor)
{
  static const char letters[] = "nrt\"'\\", meanings[] = "\n\r\t\"'\\";
  const char *letter;
  int value = 0, digit;

  if (cursor->p == cursor->end || *cursor->p == '\0')
    return -1;
  if (g_ascii_tolower (*cursor->p) == 'x')
    {
      if (cursor->end - cursor->p < 3 || !g_ascii_isxdigit (cursor->p[1]) || !g_ascii_isxdigit (cursor->p[2]))
        return -1;
      value = g_ascii_xdigit_value (cursor->p[1]) << 4 | g_ascii_xdigit_value (cursor->p[2]);
      cursor->p += 3;
      return value;
    }
  if (torrc_octal_digit (cursor) >= 0)
    {
      for (guint i = 0; i < 3 && (digit = torrc_octal_digit (cursor)) >= 0; i++, cursor->p++)
        value = value * 8 + digit;
      return value <= 255 ? value : -1;
    }
  letter = strchr (letters, *cursor->p);
  if (letter == NULL)
    return -1;
  cursor->p++;
  return meanings[letter - letters];
}

static gboolean
torrc_read_quoted (TorrcCursor *cursor, GString *value, GError **error)
{
  cursor->p++;
  while (!torrc_is_at (cursor, '"'))
    {
      int c;

      if (cursor->p == cursor->end || *cursor->p == '\n')
        return torrc_fail (cursor, cursor->line, error, "the quoted value has no closing quote on its line");
      c = (guint8) *cursor->p++;
      if (c == '\\')
        c = torrc_read_escape (cursor);
      if (c < 0)
        return torrc_fail (cursor, cursor->line, error,
                           "a backslash in a quoted value must be followed by n, r, t, a quote, a "
                           "backslash, xHH or an octal number up to 377");
      g_string_append_c (value, (char) c);
    }
  cursor->p++;
  while (torrc_is_at (cursor, ' ') || torrc_is_at (cursor, '\t') || torrc_is_at (cursor, '\r'))
    cursor->p++;
  if (cursor->p < cursor->end && *cursor->p != '#' && *cursor->p != '\n')
    return torrc_fail (cursor, cursor->line, error,
                       "something stands behind the closing quote; quote the whole value");
  return TRUE;
}

static gboolean
torrc_check_text (const TorrcCursor *cursor, guint line, const GString *text, GError **error)
{
  if (memchr (text->str, '\0', text->len) != NULL)
    return torrc_fail (cursor, line, error, "a zero byte, which no option can have");
  if (!g_utf8_validate_len (text->str, text->len, NULL))
    return torrc_fail (cursor, line, error, "bytes that are not UTF-8 text");
  return TRUE;
}

static gboolean
torrc_read_line (TorrcCursor *cursor, GPtrArray *lines, GError **error)
{
  g_autoptr (GString) key = g_string_new (NULL);
  g_autoptr (GString) value = g_string_new (NULL);
  g_autofree char *where = g_strdup_printf ("%s:%u", cursor->name, cursor->line);
  CepaTorrcCommand command = CEPA_TORRC_SET;
  guint line = cursor->line;

  torrc_read_key (cursor, key);
  if (!torrc_is_at (cursor, '"'))
    torrc_read_plain (cursor, value);
  else if (!torrc_read_quoted (cursor, value, error))
    return FALSE;
  if (!torrc_check_text (cursor, line, key, error) || !torrc_check_text (cursor, line, value, error))
    return FALSE;

  if (key->str[0] == '+')
    command = CEPA_TORRC_ADD;
  if (key->str[0] == '/')
    command = CEPA_TORRC_CLEAR;
  g_ptr_array_add (lines, cepa_torrc_line_new (where, command,
                                               command == CEPA_TORRC_SET ? key->str : key->str + 1,
                                               command == CEPA_TORRC_CLEAR ? "" : value->str));
  return TRUE;
}

gboolean
cepa_torrc_parse (const char *text, gsize len, const char *name, GPtrArray *lines, GError **error)
{
  TorrcCursor cursor = { .p = text, .end = text + len, .name = name, .line = 1 };

  if (len > CEPA_TORRC_MAX_SIZE)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "%s: longer than %u bytes", name,
                   CEPA_TORRC_MAX_SIZE);
      return FALSE;
    }
  for (torrc_skip_blank (&cursor); cursor.p < cursor.end; torrc_skip_blank (&cursor))
    if (!torrc_read_line (&cursor, lines, error))
      return FALSE;
  return TRUE;
}
