/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdoc/consensus-diff.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/limits.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

#define DIFF_FIRST_WORD "network-status-diff-version "
#define DIFF_VERSION "1"
#define DIFF_HASHES "hash "
#define DIFF_MAX_COMMAND 127
#define DIFF_SIGNATURE "\ndirectory-signature"

/* A command; @first to @last are lines of the base, from 1. */
typedef struct
{
  guint32 first; /* the first line that goes; of "a" the line behind the one that stays */
  guint32 last;  /* the last that goes; first - 1 when none does */
  gboolean to_end;
  guint line;     /* of the diff */
  CepaSlice text; /* what comes in their place, lines with their ends */
} DiffCommand;

/* A place in text, by lines. */
typedef struct
{
  const char *next;
  const char *end;
  guint32 line; /* number of the line at @next */
} DiffLines;

static DiffLines
diff_lines_of (GBytes *text)
{
  gsize len;
  const char *p = g_bytes_get_data (text, &len);

  if (len == 0)
    p = "";
  return (DiffLines) { p, p + len, 1 };
}

/* Moves behind one line; FALSE at the end. Only a document whose last line is ended gets here. */
static gboolean
diff_lines_read (DiffLines *self, CepaSlice *line)
{
  const char *newline;

  if (self->next == self->end)
    return FALSE;
  newline = memchr (self->next, '\n', (gsize) (self->end - self->next));
  *line = (CepaSlice) { self->next, (gsize) (newline - self->next) };
  self->next = newline + 1;
  self->line++;
  return TRUE;
}

/* Moves on to the line of number @line, or the end; FALSE when the text has fewer. */
static gboolean
diff_lines_go_to (DiffLines *self, guint32 line)
{
  CepaSlice skipped;

  while (self->line < line)
    if (!diff_lines_read (self, &skipped))
      return FALSE;
  return TRUE;
}

/* Not too large, and every line ended. */
static gboolean
diff_check_text (GBytes *text, const char *what, GError **error)
{
  gsize len;
  const char *p = g_bytes_get_data (text, &len);

  if (len > CEPA_CONSENSUS_MAX_BYTES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "%s of more than %d bytes", what, CEPA_CONSENSUS_MAX_BYTES);
      return FALSE;
    }
  if (len == 0 || p[len - 1] != '\n')
    return cepa_netdoc_refuse (error, "%s is cut off in the middle of a line", what);
  return TRUE;
}

gboolean
cepa_consensus_diff_is (GBytes *text)
{
  gsize len;
  const char *p = g_bytes_get_data (text, &len);

  return len >= strlen (DIFF_FIRST_WORD) && memcmp (p, DIFF_FIRST_WORD, strlen (DIFF_FIRST_WORD)) == 0;
}

/* The head's two lines; @lines is moved behind them. */
static gboolean
diff_read_head (DiffLines *lines, guint8 from[32], guint8 to[32], GError **error)
{
  CepaSlice line;
  guint8 hashes[2][CEPA_SHA3_256_LEN];
  const gsize digits = 2 * CEPA_SHA3_256_LEN, start = strlen (DIFF_HASHES);

  if (!diff_lines_read (lines, &line) || !cepa_slice_is (line, DIFF_FIRST_WORD DIFF_VERSION))
    return cepa_netdoc_refuse (error, "not a consensus diff of version " DIFF_VERSION);
  if (!diff_lines_read (lines, &line) || !cepa_slice_starts_with (line, DIFF_HASHES)
      || line.len != start + digits + 1 + digits || line.text[start + digits] != ' '
      || !cepa_hex_decode (line.text + start, digits, hashes[0], CEPA_SHA3_256_LEN)
      || !cepa_hex_decode (line.text + start + digits + 1, digits, hashes[1], CEPA_SHA3_256_LEN))
    return cepa_netdoc_refuse (error, "a consensus diff without two hashes of 64 hexadecimal digits");
  memcpy (from, hashes[0], CEPA_SHA3_256_LEN);
  memcpy (to, hashes[1], CEPA_SHA3_256_LEN);
  return TRUE;
}

gboolean
cepa_consensus_diff_digests (GBytes *diff, guint8 from[32], guint8 to[32], GError **error)
{
  DiffLines lines = diff_lines_of (diff);

  return diff_check_text (diff, "consensus diff", error) && diff_read_head (&lines, from, to, error);
}

void
cepa_consensus_diff_base_digest (GBytes *consensus, guint8 digest[32])
{
  gsize len;
  const char *text = g_bytes_get_data (consensus, &len), *end = NULL;

  if (len > 0)
    end = memmem (text, len, DIFF_SIGNATURE, strlen (DIFF_SIGNATURE));
  if (end != NULL)
    {
      end += strlen (DIFF_SIGNATURE);
      end = memchr (end, ' ', (gsize) (text + len - end));
    }
  cepa_sha3_256 (text, end != NULL ? (gsize) (end + 1 - text) : len, digest);
}

/* Decimal digits off the front of @rest. */
static gboolean
diff_take_number (CepaSlice *rest, guint32 *out)
{
  CepaSlice digits = { rest->text, 0 };
  guint64 value;

  while (digits.len < rest->len && g_ascii_isdigit (rest->text[digits.len]))
    digits.len++;
  if (!cepa_slice_to_uint (digits, G_MAXINT32, &value))
    return FALSE;
  *out = (guint32) value;
  *rest = cepa_slice_skip (*rest, digits.len);
  return TRUE;
}

/* "N", "N,M" or "N,$" off the front of @rest. */
static gboolean
diff_take_range (CepaSlice *rest, DiffCommand *out, gboolean *is_range, GError **error)
{
  if (!diff_take_number (rest, &out->first))
    return cepa_netdoc_refuse (error, "a command without a number of a line");
  out->last = out->first;
  *is_range = rest->len > 0 && rest->text[0] == ',';
  if (!*is_range)
    return TRUE;
  *rest = cepa_slice_skip (*rest, 1);
  if (rest->len > 0 && rest->text[0] == '$')
    {
      *rest = cepa_slice_skip (*rest, 1);
      out->to_end = TRUE;
      out->last = G_MAXUINT32;
      return TRUE;
    }
  if (!diff_take_number (rest, &out->last))
    return cepa_netdoc_refuse (error, "a range without an end");
  if (out->last <= out->first)
    return cepa_netdoc_refuse (error, "a range that ends before it begins");
  return TRUE;
}

/* The lines up to one that is "." alone. */
static gboolean
diff_read_text (DiffLines *lines, CepaSlice *out, GError **error)
{
  const char *start = lines->next;
  CepaSlice line;

  do
    if (!diff_lines_read (lines, &line))
      return cepa_netdoc_refuse (error, "text to be inserted that does not end with \".\"");
  while (!cepa_slice_is (line, "."));
  if (line.text == start)
    return cepa_netdoc_refuse (error, "a command that inserts nothing");
  *out = (CepaSlice) { start, (gsize) (line.text - start) };
  return TRUE;
}

/* Reads one command, and its text when it has one. */
static gboolean
diff_read_command (DiffLines *lines, DiffCommand *out, GError **error)
{
  CepaSlice rest;
  gboolean is_range;
  char action;

  out->line = lines->line;
  if (!diff_lines_read (lines, &rest) || rest.len > DIFF_MAX_COMMAND)
    return cepa_netdoc_refuse (error, "a command of more than %d bytes", DIFF_MAX_COMMAND);
  if (!diff_take_range (&rest, out, &is_range, error))
    return FALSE;
  if (rest.len != 1)
    return cepa_netdoc_refuse (error, "a command that is not one letter");
  action = rest.text[0];
  if (action != 'a' && action != 'c' && action != 'd')
    return cepa_netdoc_refuse (error, "a command other than a, c and d");
  if (action == 'a' && is_range)
    return cepa_netdoc_refuse (error, "\"a\" behind a range");
  if (action == 'c' && out->to_end)
    return cepa_netdoc_refuse (error, "\"$\" with another command than \"d\"");
  if (action != 'a' && out->first == 0)
    return cepa_netdoc_refuse (error, "line 0 removed");
  if (action == 'a')
    out->first++; /* from here, where nothing goes */
  return action == 'd' || diff_read_text (lines, &out->text, error);
}

/* Returns: (transfer full) (nullable) (element-type DiffCommand): as written, that is from back to front. */
static GArray *
diff_read_commands (DiffLines *lines, GError **error)
{
  g_autoptr (GArray) commands = g_array_new (FALSE, FALSE, sizeof (DiffCommand));
  guint32 before = G_MAXUINT32; /* the last line that is still as it was */

  while (lines->next < lines->end)
    {
      DiffCommand command = { .first = 0 };

      if (!diff_read_command (lines, &command, error))
        {
          g_prefix_error (error, "line %u: ", command.line);
          return NULL;
        }
      if (command.to_end ? commands->len > 0 : command.last > before)
        {
          cepa_netdoc_refuse (error, "line %u: commands are not from back to front, or overlap", command.line);
          return NULL;
        }
      if (commands->len == CEPA_CONSENSUS_DIFF_MAX_COMMANDS)
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "more than %d commands", CEPA_CONSENSUS_DIFF_MAX_COMMANDS);
          return NULL;
        }
      before = command.first - 1;
      g_array_append_val (commands, command);
    }
  return g_steal_pointer (&commands);
}

/* Copies @text to @out. Returns: what is behind it. */
static char *
diff_copy (char *out, const char *text, gsize len)
{
  if (len > 0)
    memcpy (out, text, len);
  return out + len;
}

/* Copies the lines before @command, leaves out those that go, copies those that come. */
static gboolean
diff_apply_command (DiffLines *base, const DiffCommand *command, char **out, GError **error)
{
  const char *start = base->next;
  gboolean there = diff_lines_go_to (base, command->first);

  *out = diff_copy (*out, start, (gsize) (base->next - start));
  if (there && command->to_end)
    {
      there = base->next < base->end;
      base->next = base->end;
    }
  else if (there)
    there = diff_lines_go_to (base, command->last + 1);
  if (!there)
    return cepa_netdoc_refuse (error, "line %u: a command beyond the end of the consensus", command->line);
  *out = diff_copy (*out, command->text.text, command->text.len);
  return TRUE;
}

/* Returns: (transfer full) (nullable): each command's text is there once, so there is room for all. */
static GBytes *
diff_apply_commands (GBytes *base, const GArray *commands, GError **error)
{
  DiffLines lines = diff_lines_of (base);
  gsize room = g_bytes_get_size (base), len;
  g_autofree char *text = NULL;
  char *out;

  for (guint i = 0; i < commands->len; i++)
    room += g_array_index (commands, DiffCommand, i).text.len;
  out = text = g_malloc (room);
  for (guint i = commands->len; i > 0; i--)
    if (!diff_apply_command (&lines, &g_array_index (commands, DiffCommand, i - 1), &out, error))
      return NULL;
  out = diff_copy (out, lines.next, (gsize) (lines.end - lines.next));
  len = (gsize) (out - text);
  if (len > CEPA_CONSENSUS_MAX_BYTES)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "the result has more than %d bytes", CEPA_CONSENSUS_MAX_BYTES);
      return NULL;
    }
  return g_bytes_new_take (g_realloc (g_steal_pointer (&text), MAX (len, 1)), len);
}

static GBytes *
diff_apply (GBytes *base, GBytes *diff, GError **error)
{
  DiffLines lines = diff_lines_of (diff);
  guint8 from[CEPA_SHA3_256_LEN], to[CEPA_SHA3_256_LEN], digest[CEPA_SHA3_256_LEN];
  g_autoptr (GArray) commands = NULL;
  g_autoptr (GBytes) result = NULL;
  const void *text;
  gsize len;

  if (!diff_check_text (diff, "the diff", error) || !diff_check_text (base, "the consensus that it is for", error)
      || !diff_read_head (&lines, from, to, error))
    return NULL;
  cepa_consensus_diff_base_digest (base, digest);
  if (memcmp (digest, from, sizeof digest) != 0)
    {
      g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_NOT_FOUND, "for another consensus than the one that is here");
      return NULL;
    }
  commands = diff_read_commands (&lines, error);
  if (commands == NULL)
    return NULL;
  result = diff_apply_commands (base, commands, error);
  if (result == NULL)
    return NULL;
  text = g_bytes_get_data (result, &len);
  cepa_sha3_256 (text, len, digest);
  if (memcmp (digest, to, sizeof digest) != 0)
    {
      cepa_netdoc_refuse (error, "what comes out has not the announced hash");
      return NULL;
    }
  return g_steal_pointer (&result);
}

GBytes *
cepa_consensus_diff_apply (GBytes *base, GBytes *diff, GError **error)
{
  GBytes *result;

  g_return_val_if_fail (base != NULL && diff != NULL, NULL);

  result = diff_apply (base, diff, error);
  if (result == NULL)
    g_prefix_error (error, "consensus diff: ");
  return result;
}
