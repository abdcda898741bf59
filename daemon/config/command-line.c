/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "config/config-private.h"
#include "config/command-line.h"
#include "config/options.h"
#include "config/torrc.h"

#define COMMAND_LINE_WHERE "command line"

typedef enum
{
  COMMAND_LINE_TORRC,
  COMMAND_LINE_DEFAULTS,
  COMMAND_LINE_IGNORE_MISSING,
  COMMAND_LINE_VERIFY,
  COMMAND_LINE_VERSION,
  COMMAND_LINE_HELP,
  COMMAND_LINE_LIST_OPTIONS,
  COMMAND_LINE_IMPORT_GUARDS,
  COMMAND_LINE_QUIET,
  COMMAND_LINE_HUSH,
  COMMAND_LINE_LATER, /* C Tor's, not here yet */
  COMMAND_LINE_RELAY, /* C Tor's, for relays */
} CommandLineKind;

typedef struct
{
  const char *word;
  CommandLineKind kind;
  gboolean has_value;
} CommandLineWord;

/* Words that are no options of torrc and must be written just so. */
static const CommandLineWord command_line_words[] = {
  { "-f", COMMAND_LINE_TORRC, TRUE },
  { "--torrc-file", COMMAND_LINE_TORRC, TRUE },
  { "--defaults-torrc", COMMAND_LINE_DEFAULTS, TRUE },
  { "--ignore-missing-torrc", COMMAND_LINE_IGNORE_MISSING, FALSE },
  { "--allow-missing-torrc", COMMAND_LINE_IGNORE_MISSING, FALSE },
  { "--verify-config", COMMAND_LINE_VERIFY, FALSE },
  { "--version", COMMAND_LINE_VERSION, FALSE },
  { "-h", COMMAND_LINE_HELP, FALSE },
  { "--help", COMMAND_LINE_HELP, FALSE },
  { "--list-torrc-options", COMMAND_LINE_LIST_OPTIONS, FALSE },
  { "--import-guards", COMMAND_LINE_IMPORT_GUARDS, TRUE },
  { "--quiet", COMMAND_LINE_QUIET, FALSE },
  { "--hush", COMMAND_LINE_HUSH, FALSE },
  { "--dump-config", COMMAND_LINE_LATER, FALSE },
  { "--hash-password", COMMAND_LINE_LATER, FALSE },
  { "--list-deprecated-options", COMMAND_LINE_LATER, FALSE },
  { "--list-modules", COMMAND_LINE_LATER, FALSE },
  { "--library-versions", COMMAND_LINE_LATER, FALSE },
  { "--dbg-dump-subsystem-list", COMMAND_LINE_LATER, FALSE },
  { "--list-fingerprint", COMMAND_LINE_RELAY, FALSE },
  { "--keygen", COMMAND_LINE_RELAY, FALSE },
  { "--keygen-family", COMMAND_LINE_RELAY, FALSE },
  { "--key-expiration", COMMAND_LINE_RELAY, FALSE },
  { "--format", COMMAND_LINE_RELAY, FALSE },
  { "--newpass", COMMAND_LINE_RELAY, FALSE },
  { "--no-passphrase", COMMAND_LINE_RELAY, FALSE },
  { "--passphrase-fd", COMMAND_LINE_RELAY, FALSE },
};

static const char command_line_help[] =
  "Usage: cepad [-f TORRC] [--] [Option value ...]\n"
  "\n"
  "cepad is a Tor client. It reads C Tor's torrc and command line.\n"
  "\n"
  "  -f, --torrc-file FILE    read FILE (- is standard input) in place of the usual torrc\n"
  "  --defaults-torrc FILE    read FILE before it, for defaults; it may be missing\n"
  "  --ignore-missing-torrc   go on when the torrc is missing\n"
  "  --verify-config          check the configuration and exit\n"
  "  --list-torrc-options     print the names of all options and exit\n"
  "  --import-guards FILE     take the guards of C Tor's state file in place of ours and exit\n"
  "  --hush, --quiet          print warnings and errors only, or nothing, unless a Log line says otherwise\n"
  "  --version, --help        print this and exit\n"
  "  Option value             as a line of the torrc; +Option adds a value, /Option takes all away\n"
  "\n"
  "The options are described in cepad(1).";

typedef struct
{
  CepaCommandLine *result;
  const char *torrc;    /* (nullable) */
  const char *defaults; /* (nullable) */
  gboolean may_be_missing;
  GPtrArray *lines; /* (element-type CepaTorrcLine): options */
} CommandLineParse;

void
cepa_command_line_free (CepaCommandLine *self)
{
  if (self == NULL)
    return;
  g_free (self->output);
  g_free (self->import_guards);
  g_free (self->config_file);
  cepa_config_free (self->config);
  g_ptr_array_unref (self->warnings);
  g_free (self);
}

static gboolean
command_line_fail (const char *word, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (word, strlen (word), 60);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, COMMAND_LINE_WHERE ": %s %s", shown, what);
  return FALSE;
}

static char *
command_line_list_options (void)
{
  GString *out = g_string_new (NULL);
  guint n;
  const CepaOption *options = cepa_options (&n);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (out, "%s%s", i > 0 ? "\n" : "", options[i].name);
  return g_string_free (out, FALSE);
}

static void
command_line_print (CommandLineParse *parse, char *text)
{
  parse->result->action = CEPA_PRINT_AND_EXIT;
  g_free (parse->result->output);
  parse->result->output = text;
}

static gboolean
command_line_take_file (const char **file, const char *word, const char *value, GError **error)
{
  if (*file != NULL)
    return command_line_fail (word, "names a second file; only one can be read", error);
  *file = value;
  return TRUE;
}

static gboolean
command_line_take_word (CommandLineParse *parse, const CommandLineWord *word, const char *value,
                        GError **error)
{
  CepaCommandLine *result = parse->result;

  switch (word->kind)
    {
    case COMMAND_LINE_TORRC:
      return command_line_take_file (&parse->torrc, word->word, value, error);
    case COMMAND_LINE_DEFAULTS:
      return command_line_take_file (&parse->defaults, word->word, value, error);
    case COMMAND_LINE_IGNORE_MISSING:
      parse->may_be_missing = TRUE;
      return TRUE;
    case COMMAND_LINE_VERIFY:
      if (result->action == CEPA_RUN)
        result->action = CEPA_VERIFY;
      return TRUE;
    case COMMAND_LINE_VERSION:
      command_line_print (parse, g_strdup ("Cepa " CEPA_VERSION "."));
      return TRUE;
    case COMMAND_LINE_HELP:
      command_line_print (parse, g_strdup (command_line_help));
      return TRUE;
    case COMMAND_LINE_LIST_OPTIONS:
      command_line_print (parse, command_line_list_options ());
      return TRUE;
    case COMMAND_LINE_IMPORT_GUARDS:
      if (result->import_guards != NULL)
        return command_line_fail (word->word, "names a second file; only one can be read", error);
      result->import_guards = g_strdup (value);
      return TRUE;
    case COMMAND_LINE_QUIET:
    case COMMAND_LINE_HUSH:
      result->console = MAX (result->console,
                             word->kind == COMMAND_LINE_HUSH ? CEPA_CONSOLE_HUSH : CEPA_CONSOLE_QUIET);
      return TRUE;
    case COMMAND_LINE_RELAY:
      return command_line_fail (word->word, "is for relays; Cepa is a client", error);
    case COMMAND_LINE_LATER:
    default:
      return command_line_fail (word->word, "is not supported by this version of Cepa yet", error);
    }
}

/* Reads an option at @argv and its value; @used is how many words that were. */
static gboolean
command_line_take_option (CommandLineParse *parse, char *const *argv, guint *used, GError **error)
{
  CepaTorrcCommand command = CEPA_TORRC_SET;
  const char *key = argv[0], *value = "";

  for (guint i = 0; i < 2 && *key == '-'; i++)
    key++;
  if (*key == '+' || *key == '/')
    command = *key++ == '+' ? CEPA_TORRC_ADD : CEPA_TORRC_CLEAR;
  /* C Tor knows this short form on the command line only. */
  if (g_ascii_strcasecmp (key, "l") == 0)
    key = "Log";
  *used = 1;
  if (command != CEPA_TORRC_CLEAR)
    {
      value = argv[1];
      *used = 2;
    }
  if (value == NULL)
    return command_line_fail (argv[0], "has no value behind it", error);
  if (!g_utf8_validate (key, -1, NULL) || !g_utf8_validate (value, -1, NULL))
    return command_line_fail (argv[0], "or its value has bytes that are not UTF-8 text", error);
  g_ptr_array_add (parse->lines, cepa_torrc_line_new (COMMAND_LINE_WHERE, command, key, value));
  return TRUE;
}

static const CommandLineWord *
command_line_find_word (const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (command_line_words); i++)
    if (g_str_equal (command_line_words[i].word, text))
      return &command_line_words[i];
  return NULL;
}

static gboolean
command_line_parse (CommandLineParse *parse, char *const *argv, GError **error)
{
  guint used;

  /* A program can be started without even its own name. */
  for (guint i = argv[0] != NULL ? 1 : 0; argv[i] != NULL; i += used)
    {
      const CommandLineWord *word = command_line_find_word (argv[i]);

      used = word != NULL && word->has_value ? 2 : 1;
      if (word != NULL && word->has_value && argv[i + 1] == NULL)
        return command_line_fail (argv[i], "has no value behind it", error);
      if (word != NULL && !command_line_take_word (parse, word, argv[i + 1], error))
        return FALSE;
      if (word == NULL && !command_line_take_option (parse, argv + i, &used, error))
        return FALSE;
    }
  return TRUE;
}

/* Returns (transfer full) (nullable): the lines of @path, none when it is missing and may be. */
static GPtrArray *
command_line_load_file (const char *path, gboolean may_be_missing, GError **error)
{
  g_autoptr (GError) cause = NULL;
  GPtrArray *lines = path != NULL ? cepa_torrc_load (path, &cause) : g_ptr_array_new ();

  if (lines == NULL && may_be_missing && g_error_matches (cause, CEPA_ERROR, CEPA_ERROR_NOT_FOUND))
    return g_ptr_array_new ();
  if (lines == NULL)
    g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG, cause->message);
  return lines;
}

/* Returns: (transfer full) (nullable): what others, who are in other folders, find the file by. */
static char *
command_line_make_absolute (const char *path)
{
  return path == NULL || strcmp (path, "-") == 0 ? g_strdup (path) : g_canonicalize_filename (path, NULL);
}

static gboolean
command_line_configure (CommandLineParse *parse, const char *torrc_default, GError **error)
{
  CepaCommandLine *result = parse->result;
  g_autoptr (GPtrArray) defaults = command_line_load_file (parse->defaults, TRUE, error);
  g_autoptr (GPtrArray) torrc = NULL;

  if (defaults == NULL)
    return FALSE;
  torrc = command_line_load_file (parse->torrc != NULL ? parse->torrc : torrc_default,
                                  parse->torrc == NULL || parse->may_be_missing, error);
  if (torrc == NULL)
    return FALSE;
  result->config_file = command_line_make_absolute (parse->torrc != NULL ? parse->torrc : torrc_default);
  result->config = cepa_config_new_from_layers ((GPtrArray *const[]){ defaults, torrc, parse->lines }, 3,
                                                result->warnings, error);
  return result->config != NULL;
}

CepaCommandLine *
cepa_command_line_load (char *const *argv, const char *torrc_default, GError **error)
{
  g_autoptr (CepaCommandLine) result = g_new0 (CepaCommandLine, 1);
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  CommandLineParse parse = { .result = result, .lines = lines };

  result->warnings = g_ptr_array_new_with_free_func (g_free);
  if (!command_line_parse (&parse, argv, error))
    return NULL;
  if (result->action != CEPA_PRINT_AND_EXIT && !command_line_configure (&parse, torrc_default, error))
    return NULL;
  return g_steal_pointer (&result);
}
