/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands out of the bytes of a controller, and their arguments. */
#include "command.h"

#include <string.h>

#define TOR_COMMAND_SPACE " \t\r\v\n"

/* Enough for every command that has a secret in it: the array is not moved then, and nothing of it is left behind. */
#define TOR_COMMAND_FIRST_SIZE 16384

void
cepa_tor_input_init (CepaTorInput *self)
{
  *self = (CepaTorInput) { .bytes = g_byte_array_sized_new (TOR_COMMAND_FIRST_SIZE) };
}

void
cepa_tor_input_clear (CepaTorInput *self)
{
  if (self->bytes != NULL)
    explicit_bzero (self->bytes->data, self->bytes->len);
  g_clear_pointer (&self->bytes, g_byte_array_unref);
}

static void
tor_command_compact (CepaTorInput *self)
{
  if (self->start == 0)
    return;
  g_byte_array_remove_range (self->bytes, 0, (guint) self->start);
  self->line -= self->start;
  self->seen -= self->start;
  self->start = 0;
}

void
cepa_tor_input_add (CepaTorInput *self, const guint8 *data, gsize len)
{
  tor_command_compact (self);
  g_byte_array_append (self->bytes, data, (guint) len);
}

static CepaTorCommand *
tor_command_new (const char *text, gsize len)
{
  CepaTorCommand *self = g_new0 (CepaTorCommand, 1);
  gsize name = 0;

  while (name < len && !g_ascii_isspace (text[name]))
    name++;
  self->name = g_strndup (text, name);
  self->args = g_strstrip (g_strndup (text + name, len - name));
  return self;
}

void
cepa_tor_command_free (CepaTorCommand *self)
{
  explicit_bzero (self->args, strlen (self->args));
  g_free (self->args);
  g_free (self->name);
  g_free (self);
}

/* Takes the command of @len bytes in all, @first of them its first line. */
static CepaTorInputResult
tor_command_take (CepaTorInput *self, gsize first, gsize len, CepaTorCommand **command)
{
  char *text = (char *) self->bytes->data + self->start;
  CepaTorInputResult result = CEPA_TOR_INPUT_BINARY;

  if (memchr (text, '\0', first) == NULL)
    {
      *command = tor_command_new (text, first);
      result = CEPA_TOR_INPUT_COMMAND;
    }
  explicit_bzero (text, len);
  self->start += len;
  self->line = self->seen = self->start;
  return result;
}

static gboolean
tor_command_is_dot (const guint8 *line, gsize len)
{
  return (len == 2 && memcmp (line, ".\n", 2) == 0) || (len == 3 && memcmp (line, ".\r\n", 3) == 0);
}

CepaTorInputResult
cepa_tor_input_next (CepaTorInput *self, CepaTorCommand **command)
{
  const guint8 *data = self->bytes->data;

  for (;;)
    {
      const guint8 *end = NULL;
      gsize line = self->line, len;

      if (self->seen < self->bytes->len)
        end = memchr (data + self->seen, '\n', self->bytes->len - self->seen);
      self->seen = end != NULL ? (gsize) (end - data) + 1 : self->bytes->len;
      len = self->seen - self->start;
      if (len > CEPA_TOR_MAX_COMMAND)
        return CEPA_TOR_INPUT_TOO_LONG;
      if (end == NULL)
        return CEPA_TOR_INPUT_MORE;
      self->line = self->seen;
      if (line == self->start && data[line] != '+')
        return tor_command_take (self, len, len, command);
      if (line != self->start && tor_command_is_dot (data + line, self->seen - line))
        {
          const guint8 *first = memchr (data + self->start, '\n', len);

          return tor_command_take (self, (gsize) (first - data) - self->start, len, command);
        }
    }
}

gboolean
cepa_tor_input_is_http (const CepaTorInput *self)
{
  static const char *const methods[] = { "GET ", "POST ", "HEAD ", "PUT ", "CONNECT ", "OPTIONS " };
  const char *text = (const char *) self->bytes->data + self->start;
  gsize len = self->bytes->len - self->start;

  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (len >= strlen (methods[i]) && strncmp (text, methods[i], strlen (methods[i])) == 0)
      return TRUE;
  return FALSE;
}

GPtrArray *
cepa_tor_command_split (const char *args)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  while (*args != '\0')
    {
      gsize len = strcspn (args, " ");
      char *word = g_strstrip (g_strndup (args, len));

      if (*word != '\0')
        g_ptr_array_add (words, word);
      else
        g_free (word);
      args += len + (args[len] == ' ');
    }
  return words;
}

static void
tor_command_pair_free (gpointer data)
{
  CepaTorPair *pair = data;

  if (pair->value != NULL)
    explicit_bzero (pair->value, strlen (pair->value));
  g_free (pair->value);
  g_free (pair->key);
  g_free (pair);
}

/* One character behind a backslash; moves @at behind it. Returns: -1 when it is none that C has, or a zero. */
static int
tor_command_unescape (const char **at)
{
  static const char from[] = "nrt\"'\\", to[] = "\n\r\t\"'\\";
  const char *c = *at;
  int value = 0, digits = 0;

  if (*c == 'x')
    {
      for (c++; digits < 2 && g_ascii_isxdigit (*c); c++, digits++)
        value = value << 4 | g_ascii_xdigit_value (*c);
      *at = c;
      return digits == 2 && value != 0 ? value : -1;
    }
  for (; digits < 3 && *c >= '0' && *c <= '7'; c++, digits++)
    value = value << 3 | (*c - '0');
  if (digits > 0)
    {
      *at = c;
      return value > 0 && value < 256 ? value : -1;
    }
  for (guint i = 0; *c != '\0' && from[i] != '\0'; i++)
    if (from[i] == *c)
      {
        *at = c + 1;
        return to[i];
      }
  return -1;
}

/* The string that begins with the quote at @at; moves @at behind its end. Returns: NULL when it has none. */
static char *
tor_command_unquote (const char **at, gboolean as_c)
{
  const char *c = *at + 1;
  char *out = g_malloc (strlen (c) + 1);
  gsize len = 0;

  while (*c != '"')
    {
      int value = (guchar) *c;

      if (*c == '\\')
        {
          c++;
          value = as_c ? tor_command_unescape (&c) : (guchar) *c++;
        }
      else
        c++;
      if (value <= 0)
        {
          explicit_bzero (out, len);
          g_free (out);
          return NULL;
        }
      out[len++] = (char) value;
    }
  out[len] = '\0';
  *at = c + 1;
  return out;
}

static gboolean
tor_command_read_value (const char **at, guint flags, CepaTorPair *pair)
{
  gsize len;

  if (**at == '"')
    {
      if ((flags & (CEPA_TOR_PAIRS_QUOTED | CEPA_TOR_PAIRS_C_QUOTED)) == 0)
        return FALSE;
      pair->value = tor_command_unquote (at, (flags & CEPA_TOR_PAIRS_C_QUOTED) != 0);
      return pair->value != NULL;
    }
  len = strcspn (*at, TOR_COMMAND_SPACE);
  pair->value = g_strndup (*at, len);
  *at += len;
  return TRUE;
}

static gboolean
tor_command_read_pair (const char **at, guint flags, CepaTorPair *pair)
{
  if (**at != '"')
    {
      gsize len = strcspn (*at, TOR_COMMAND_SPACE "=");

      if ((*at)[len] == '=')
        {
          pair->key = g_strndup (*at, len);
          *at += len + 1;
        }
      else if ((flags & CEPA_TOR_PAIRS_NO_VALUES) != 0)
        {
          pair->key = g_strndup (*at, len);
          *at += len;
          return TRUE;
        }
    }
  if (pair->key == NULL ? (flags & CEPA_TOR_PAIRS_NO_KEYS) == 0 : *pair->key == '\0')
    return FALSE;
  return tor_command_read_value (at, flags, pair);
}

GPtrArray *
cepa_tor_command_pairs (const char *args, guint flags)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (tor_command_pair_free);
  const char *at = args + strspn (args, TOR_COMMAND_SPACE);

  while (*at != '\0')
    {
      CepaTorPair *pair = g_new0 (CepaTorPair, 1);

      g_ptr_array_add (pairs, pair);
      if (!tor_command_read_pair (&at, flags, pair))
        return NULL;
      at += strspn (at, TOR_COMMAND_SPACE);
    }
  return g_steal_pointer (&pairs);
}
