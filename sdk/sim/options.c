/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "config/built-in.h"
#include "netdoc/authority.h"
#include "plan.h"

#define OPTIONS_MAX_CLIENTS 10000000
#define OPTIONS_MAX_THREADS 1024
#define OPTIONS_MAX_TOP 100000

/* What GOption fills; numbers as texts, for their ranges are checked here. */
typedef struct
{
  char *paths, *rate, *clients, *clients_per_instance, *threads, *seed, *top, *hours, *ports, *ports_file, *share, *torrc;
  char **authorities;
  gboolean is_unchecked;
} OptionsRaw;

static gboolean
options_refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
options_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG, text);
  return FALSE;
}

static gboolean
options_read_number (const char *name, const char *text, guint64 least, guint64 most, guint64 *out, GError **error)
{
  if (text == NULL || g_ascii_string_to_unsigned (text, 10, least, most, out, NULL))
    return TRUE;
  return options_refuse (error, "--%s %s is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, name, text, least,
                         most);
}

static gboolean
options_read_uint (const char *name, const char *text, guint least, guint most, guint *out, GError **error)
{
  guint64 number = *out;

  if (!options_read_number (name, text, least, most, &number, error))
    return FALSE;
  *out = (guint) number;
  return TRUE;
}

gboolean
cepa_sim_hours_parse (const char *text, guint32 *hours, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);
  guint32 bits = 0;

  for (guint i = 0; parts[i] != NULL; i++)
    {
      g_auto (GStrv) ends = g_strsplit (parts[i], "-", 2);
      guint64 from = 0, to;

      if (ends[0] == NULL || !g_ascii_string_to_unsigned (ends[0], 10, 0, 23, &from, NULL)
          || (ends[1] != NULL && !g_ascii_string_to_unsigned (ends[1], 10, from + 1, 24, &to, NULL)))
        return options_refuse (error, "\"%s\" is not an hour from 0 to 23, or FROM-TO with a TO up to 24", parts[i]);
      for (guint64 hour = from; hour < (ends[1] != NULL ? to : from + 1); hour++)
        bits |= 1u << hour;
    }
  if (bits == 0)
    return options_refuse (error, "there is no hour in \"%s\"", text);
  *hours = bits;
  return TRUE;
}

char *
cepa_sim_options_read_file (const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  char *text = NULL;
  gsize len = 0;

  if (!g_file_get_contents (path, &text, &len, &cause))
    g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot read %s: %s", path, cause->message);
  else if (strlen (text) != len)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "%s: this is no text: it has a byte 0", path);
      g_clear_pointer (&text, g_free);
    }
  return text;
}

static gboolean
options_read_ports (CepaSimOptions *self, const OptionsRaw *raw, GError **error)
{
  g_autofree char *text = NULL;

  if (raw->ports != NULL && raw->ports_file != NULL)
    return options_refuse (error, "give --ports or --ports-file");
  if (raw->ports_file == NULL)
    return cepa_sim_ports_parse (raw->ports != NULL ? raw->ports : "443", &self->ports, error);
  text = cepa_sim_options_read_file (raw->ports_file, error);
  if (text == NULL)
    return FALSE;
  if (cepa_sim_ports_parse (text, &self->ports, error))
    return TRUE;
  g_prefix_error (error, "%s: ", raw->ports_file);
  return FALSE;
}

static gboolean
options_add_authority (CepaSimOptions *self, const char *line, GError **error)
{
  CepaDirectorySource *source = cepa_directory_source_parse_authority (line, error);

  if (source == NULL)
    return FALSE;
  g_ptr_array_add (self->authorities, source);
  return TRUE;
}

/* The DirAuthority lines of a torrc. */
static gboolean
options_read_torrc (CepaSimOptions *self, const char *path, GError **error)
{
  g_autofree char *text = cepa_sim_options_read_file (path, error);
  g_auto (GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;
  guint n_before = self->authorities->len;

  if (text == NULL)
    return FALSE;
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strstrip (lines[i]);
      gsize len = strcspn (line, " \t");

      if (len != strlen ("DirAuthority") || g_ascii_strncasecmp (line, "DirAuthority", len) != 0)
        continue;
      if (!options_add_authority (self, line + len + strspn (line + len, " \t"), error))
        {
          g_prefix_error (error, "%s:%u: ", path, i + 1);
          return FALSE;
        }
    }
  return self->authorities->len > n_before || options_refuse (error, "%s has no DirAuthority line", path);
}

static gboolean
options_read_authorities (CepaSimOptions *self, const OptionsRaw *raw, GError **error)
{
  const char *const *lines = (const char *const *) raw->authorities;

  if (raw->is_unchecked && (lines != NULL || raw->torrc != NULL))
    return options_refuse (error, "with --unchecked no authorities are asked");
  if (raw->is_unchecked)
    return TRUE;
  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  if (raw->torrc != NULL && !options_read_torrc (self, raw->torrc, error))
    return FALSE;
  if (raw->torrc == NULL && lines == NULL)
    lines = cepa_built_in_authorities;
  for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
    if (!options_add_authority (self, lines[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
options_read_share (CepaSimOptions *self, const char *text, GError **error)
{
  char *end = NULL;

  if (text == NULL)
    return TRUE;
  self->adversary_share = g_ascii_strtod (text, &end);
  if (end == text || *end != '\0' || !isfinite (self->adversary_share) || self->adversary_share <= 0
      || self->adversary_share > 1)
    return options_refuse (error, "--adversary-share %s is not a number above 0 and at most 1", text);
  return self->adversary == NULL || options_refuse (error, "give --adversary or --adversary-share");
}

static gboolean
options_check_outputs (const CepaSimOptions *self, GError **error)
{
  const char *const paths[] = { self->csv, self->summary, self->plot };

  if (self->summary != NULL && !g_str_has_suffix (self->summary, ".json") && !g_str_has_suffix (self->summary, ".txt"))
    return options_refuse (error, "--summary %s: its name must end in .json or .txt, which says what it is to be",
                           self->summary);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    for (guint j = 0; j < i; j++)
      if (paths[i] != NULL && g_strcmp0 (paths[i], paths[j]) == 0)
        return options_refuse (error, "two results cannot be written to one file: %s", paths[i]);
  return TRUE;
}

static gboolean
options_settle (CepaSimOptions *self, const OptionsRaw *raw, GError **error)
{
  self->n_paths = 1000000;
  self->n_clients = 100;
  self->n_threads = g_get_num_processors ();
  self->seed = 1;
  self->n_top = 5;
  self->hours = CEPA_SIM_ALL_HOURS;
  if (raw->paths != NULL && raw->rate != NULL)
    return options_refuse (error, "give --paths or --rate");
  return options_read_number ("paths", raw->paths, 1, G_GUINT64_CONSTANT (1) << 40, &self->n_paths, error)
         && options_read_uint ("rate", raw->rate, 1, 1000000, &self->rate, error)
         && options_read_uint ("clients", raw->clients, 1, OPTIONS_MAX_CLIENTS, &self->n_clients, error)
         && options_read_uint ("clients-per-instance", raw->clients_per_instance, 1, OPTIONS_MAX_CLIENTS,
                               &self->clients_per_instance, error)
         && options_read_uint ("threads", raw->threads, 1, OPTIONS_MAX_THREADS, &self->n_threads, error)
         && options_read_number ("seed", raw->seed, 0, G_MAXUINT64, &self->seed, error)
         && options_read_uint ("top", raw->top, 0, OPTIONS_MAX_TOP, &self->n_top, error)
         && (raw->hours == NULL || cepa_sim_hours_parse (raw->hours, &self->hours, error))
         && options_read_ports (self, raw, error) && options_read_authorities (self, raw, error)
         && options_read_share (self, raw->share, error) && options_check_outputs (self, error);
}

static GOptionContext *
options_make_context (CepaSimOptions *self, OptionsRaw *raw)
{
  const GOptionEntry entries[] = {
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &self->plugin,
      "The policy: an id, or the path of a .so or .plugin file (default: path.weighted)", "PLUGIN" },
    { "option", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &self->plugin_options, "Sets an option of the plugin", "NAME=VALUE" },
    { "plugin-directory", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->plugin_directories,
      "Looks for plugins there first", "FOLDER" },
    { "paths", 'n', 0, G_OPTION_ARG_STRING, &raw->paths, "How many paths in all (default: 1000000)", "N" },
    { "rate", 0, 0, G_OPTION_ARG_STRING, &raw->rate, "Paths per client and hour of use, in their place", "N" },
    { "clients", 'c', 0, G_OPTION_ARG_STRING, &raw->clients, "How many users (default: 100)", "N" },
    { "clients-per-instance", 0, 0, G_OPTION_ARG_STRING, &raw->clients_per_instance,
      "How many share an instance of the plugin (default: so many that there are at most 32)", "N" },
    { "hours", 0, 0, G_OPTION_ARG_STRING, &raw->hours, "Hours of use, UTC: 9-17,20 (default: all)", "HOURS" },
    { "ports", 0, 0, G_OPTION_ARG_STRING, &raw->ports, "What users ask for: 443=8,80=1,22=1 (default: 443)", "MIX" },
    { "ports-file", 0, 0, G_OPTION_ARG_FILENAME, &raw->ports_file, "The same from a file", "FILE" },
    { "seed", 's', 0, G_OPTION_ARG_STRING, &raw->seed, "Of all chance (default: 1)", "N" },
    { "threads", 't', 0, G_OPTION_ARG_STRING, &raw->threads,
      "How many work side by side (default: one for each processor); it changes no result", "N" },
    { "no-guards", 0, 0, G_OPTION_ARG_NONE, &self->no_guards,
      "Users keep no guards: any relay with the flag may be first (UseEntryGuards 0)", NULL },
    { "any-subnet", 0, 0, G_OPTION_ARG_NONE, &self->any_subnet, "As EnforceDistinctSubnets 0", NULL },
    { "unchecked", 0, 0, G_OPTION_ARG_NONE, &raw->is_unchecked, "Asks for no signatures", NULL },
    { "authority", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->authorities,
      "Who must have signed, as a DirAuthority line (default: the built-in ones)", "LINE" },
    { "torrc", 0, 0, G_OPTION_ARG_FILENAME, &raw->torrc, "The same from the DirAuthority lines of a file", "FILE" },
    { "geoip", 0, 0, G_OPTION_ARG_FILENAME, &self->geoip, "Countries of IPv4 addresses, as GeoIPFile", "FILE" },
    { "geoip6", 0, 0, G_OPTION_ARG_FILENAME, &self->geoip6, "Countries of IPv6 addresses, as GeoIPv6File", "FILE" },
    { "as-file", 0, 0, G_OPTION_ARG_FILENAME, &self->as_file, "Autonomous systems of addresses, as ASFile", "FILE" },
    { "adversary", 0, 0, G_OPTION_ARG_FILENAME, &self->adversary, "Fingerprints of relays that watch, one a line", "FILE" },
    { "adversary-share", 0, 0, G_OPTION_ARG_STRING, &raw->share,
      "Relays taken by chance until they have this share of the bandwidth", "SHARE" },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &self->csv, "Writes a line for each path; - is the standard output", "FILE" },
    { "rows", 0, 0, G_OPTION_ARG_NONE, &self->ids_are_rows, "In it rows of the consensus, not fingerprints", NULL },
    { "summary", 0, 0, G_OPTION_ARG_FILENAME, &self->summary, "Writes the summary, as its name ends: .txt or .json", "FILE" },
    { "plot", 0, 0, G_OPTION_ARG_FILENAME, &self->plot, "Draws selection against weight, as SVG", "FILE" },
    { "top", 0, 0, G_OPTION_ARG_STRING, &raw->top, "How many relays of each place the summary lists (default: 5)", "N" },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->is_quiet, "No summary on the standard output, no progress", NULL },
    { NULL },
  };
  GOptionContext *context = g_option_context_new ("FILE|FOLDER...");

  g_option_context_set_summary (context, "Draws paths over recorded consensuses and microdescriptors with the very policy that "
                                "cepad uses, and says how they\ncome out. Files are of a client's cache or of CollecTor.\n"
                                "Exit status: 0, 1 when it cannot be done, 2 for a wrong command line.");
  g_option_context_add_main_entries (context, entries, NULL);
  return context;
}

static void
options_clear_raw (OptionsRaw *raw)
{
  char **const texts[] = { &raw->paths, &raw->rate, &raw->clients, &raw->clients_per_instance, &raw->threads, &raw->seed,
                           &raw->top, &raw->hours, &raw->ports, &raw->ports_file, &raw->share, &raw->torrc };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (*texts[i]);
  g_strfreev (raw->authorities);
}

CepaSimOptions *
cepa_sim_options_parse (char **argv, GError **error)
{
  g_autoptr (CepaSimOptions) self = g_new0 (CepaSimOptions, 1);
  OptionsRaw raw = { 0 };
  g_autoptr (GOptionContext) context = options_make_context (self, &raw);
  g_auto (GStrv) args = g_strdupv (argv);
  gboolean is_good = g_option_context_parse_strv (context, &args, error);

  if (is_good && args[1] == NULL)
    is_good = options_refuse (error, "give files or folders with a consensus and microdescriptors");
  if (is_good)
    self->inputs = g_strdupv (args + 1);
  is_good = is_good && options_settle (self, &raw, error);
  if (self->plugin == NULL)
    self->plugin = g_strdup ("path.weighted");
  options_clear_raw (&raw);
  return is_good ? g_steal_pointer (&self) : NULL;
}

void
cepa_sim_options_free (CepaSimOptions *self)
{
  if (self == NULL)
    return;
  g_strfreev (self->inputs);
  g_clear_pointer (&self->authorities, g_ptr_array_unref);
  g_free (self->plugin);
  g_strfreev (self->plugin_options);
  g_strfreev (self->plugin_directories);
  g_free (self->adversary);
  g_free (self->geoip);
  g_free (self->geoip6);
  g_free (self->as_file);
  g_free (self->csv);
  g_free (self->summary);
  g_free (self->plot);
  g_free (self);
}
