/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the tables: what the module's data says. */
#include <string.h>

#include "check.h"

#define TABLE_END(type, member) (offsetof (type, member) + sizeof (((type *) NULL)->member))

/* How every table begins. */
typedef struct
{
  uint32_t size;
  uint16_t abi_major, abi_minor;
} TableHead;

static gboolean
table_check_head (CepaCheck *check, const char *what, gconstpointer table, gsize needed, gsize known)
{
  const TableHead *head = table;

  if (head->abi_major != CEPA_ABI_MAJOR || head->abi_minor > CEPA_ABI_MINOR)
    cepa_check_fail (check, "%s is for version %u.%u of the interface; this checker knows %d.%d", what, head->abi_major,
                     head->abi_minor, CEPA_ABI_MAJOR, CEPA_ABI_MINOR);
  else if (head->size < needed)
    cepa_check_fail (check, "%s says that it has %u bytes; version 1.0 has %" G_GSIZE_FORMAT, what, head->size, needed);
  else if (head->abi_minor == CEPA_ABI_MINOR && head->size > known)
    cepa_check_fail (check, "%s says that it has %u bytes; version %d.%d has %" G_GSIZE_FORMAT, what, head->size,
                     CEPA_ABI_MAJOR, CEPA_ABI_MINOR, known);
  else
    return TRUE;
  return FALSE;
}

static void
table_check_size (CepaCheck *check)
{
  if (check->plugin->size < sizeof (TableHead))
    cepa_check_fail (check, "cepa_plugin_v1 says that it has %u bytes: set .size = sizeof (CepaPlugin)",
                     check->plugin->size);
  else
    table_check_head (check, CEPA_PLUGIN_SYMBOL, check->plugin, TABLE_END (CepaPlugin, metrics), sizeof (CepaPlugin));
}

static void
table_check_identity (CepaCheck *check)
{
  const CepaPlugin *plugin = check->plugin;

  if (plugin->id == NULL
      || !g_regex_match_simple ("^[a-z]+\\.[a-z0-9-]+$", plugin->id, G_REGEX_DOLLAR_ENDONLY, 0))
    cepa_check_fail (check, "the id \"%s\" is not a kind, a dot and a name of a-z, 0-9 and -",
                     plugin->id != NULL ? plugin->id : "(null)");
  if (plugin->name == NULL || plugin->name[0] == '\0' || !g_utf8_validate (plugin->name, -1, NULL))
    cepa_check_fail (check, "there is no name");
  if (plugin->licence == NULL || plugin->licence[0] == '\0' || !g_utf8_validate (plugin->licence, -1, NULL))
    cepa_check_fail (check, "there is no licence");
  if (plugin->create == NULL || plugin->destroy == NULL)
    cepa_check_fail (check, "there is no function %s", plugin->create == NULL ? "create" : "destroy");
  if (plugin->start != NULL && plugin->stop == NULL)
    cepa_check_note (check, "it has start and no stop: destroy alone must end what start began");
}

static void
table_check_keyfile (CepaCheck *check)
{
  g_autoptr (GKeyFile) keyfile = g_key_file_new ();
  g_autofree char *id = NULL, *name = NULL;
  guint64 major, minor;

  if (!g_key_file_load_from_file (keyfile, check->keyfile, G_KEY_FILE_NONE, NULL))
    {
      cepa_check_fail (check, "there is no keyfile that can be read");
      return;
    }
  id = g_key_file_get_string (keyfile, "Plugin", "Id", NULL);
  name = g_key_file_get_string (keyfile, "Plugin", "Name", NULL);
  major = g_key_file_get_uint64 (keyfile, "Plugin", "AbiMajor", NULL);
  minor = g_key_file_get_uint64 (keyfile, "Plugin", "AbiMinor", NULL);
  if (g_strcmp0 (id, check->plugin->id) != 0)
    cepa_check_fail (check, "Id is \"%s\", the table's id is \"%s\"", id, check->plugin->id);
  if (g_strcmp0 (name, check->plugin->name) != 0)
    cepa_check_fail (check, "Name is \"%s\", the table's name is \"%s\"", name, check->plugin->name);
  if (major != check->plugin->abi_major || minor != check->plugin->abi_minor)
    cepa_check_fail (check, "AbiMajor and AbiMinor are %" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT
                     ", the table's version is %u.%u", major, minor, check->plugin->abi_major, check->plugin->abi_minor);
}

static gboolean
table_is_of_kind (const CepaPlugin *plugin, const char *kind)
{
  gsize len = strlen (kind);

  return strncmp (plugin->id, kind, len) == 0 && plugin->id[len] == '.';
}

static void
table_check_function (CepaCheck *check, const char *name, gboolean is_there)
{
  if (!is_there)
    cepa_check_fail (check, "its table has no function %s", name);
}

static void
table_check_functions (CepaCheck *check)
{
  const CepaPlugin *plugin = check->plugin;

  if (plugin->path != NULL
      && table_check_head (check, "the path table", plugin->path, TABLE_END (CepaPathTable, result),
                           sizeof (CepaPathTable)))
    table_check_function (check, "choose_path or weigh", plugin->path->choose_path != NULL || plugin->path->weigh != NULL);
  if (plugin->padding != NULL
      && table_check_head (check, "the padding table", plugin->padding, TABLE_END (CepaPaddingTable, network_changed),
                           sizeof (CepaPaddingTable)))
    {
      table_check_function (check, "machine_new", plugin->padding->machine_new != NULL);
      table_check_function (check, "machine_free", plugin->padding->machine_free != NULL);
      table_check_function (check, "trigger", plugin->padding->trigger != NULL);
    }
  if (plugin->transport != NULL
      && table_check_head (check, "the transport table", plugin->transport, TABLE_END (CepaTransportTable, cancel),
                           sizeof (CepaTransportTable)))
    {
      table_check_function (check, "connect", plugin->transport->connect != NULL);
      table_check_function (check, "cancel", plugin->transport->cancel != NULL);
    }
  if (plugin->control != NULL)
    table_check_head (check, "the control table", plugin->control, TABLE_END (CepaControlTable, list_addresses),
                      sizeof (CepaControlTable));
  if (plugin->metrics != NULL)
    table_check_head (check, "the metrics table", plugin->metrics, TABLE_END (CepaMetricsTable, list_addresses),
                      sizeof (CepaMetricsTable));
}

static void
table_check_kind (CepaCheck *check)
{
  const CepaPlugin *plugin = check->plugin;
  const struct
  {
    const char *kind;
    gconstpointer table;
  } kinds[] = {
    { "path", plugin->path },       { "padding", plugin->padding }, { "transport", plugin->transport },
    { "control", plugin->control }, { "metrics", plugin->metrics },
  };
  gboolean is_known = FALSE;

  if (plugin->id == NULL)
    {
      cepa_check_fail (check, "without an id there is no kind");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      gboolean is_of_it = table_is_of_kind (plugin, kinds[i].kind);

      is_known = is_known || is_of_it;
      if (is_of_it && kinds[i].table == NULL)
        cepa_check_fail (check, "there is no .%s, the table of its kind", kinds[i].kind);
    }
  if (!is_known)
    cepa_check_fail (check, "the id \"%s\" is of no kind that there is", plugin->id);
  table_check_functions (check);
}

/* Whether @text is a value that the host would let through. */
static gboolean
table_is_value (const CepaPluginOption *option, const char *text)
{
  g_auto (GStrv) choices = option->choices != NULL ? g_strsplit (option->choices, "|", -1) : NULL;
  gint64 number;

  switch (option->type)
    {
    case CEPA_PLUGIN_OPTION_BOOL:
      return strcmp (text, "0") == 0 || strcmp (text, "1") == 0;
    case CEPA_PLUGIN_OPTION_INT:
      return g_ascii_string_to_signed (text, 10, option->minimum, option->maximum, &number, NULL);
    case CEPA_PLUGIN_OPTION_TEXT:
    case CEPA_PLUGIN_OPTION_SECRET:
      return g_utf8_validate (text, -1, NULL) && strpbrk (text, "\r\n") == NULL
             && (choices == NULL || g_strv_contains ((const char *const *) choices, text));
    default:
      return text[0] != '\0';
    }
}

static void
table_check_option (CepaCheck *check, const CepaPluginOption *option, guint i)
{
  const char *name = option->name;

  if (name == NULL || !g_regex_match_simple ("^[a-z0-9-]+$", name, G_REGEX_DOLLAR_ENDONLY, 0))
    cepa_check_fail (check, "the name \"%s\" of option %u has other characters than a-z, 0-9 and -",
                     name != NULL ? name : "(null)", i + 1);
  else if (option->type > CEPA_PLUGIN_OPTION_SECRET)
    cepa_check_fail (check, "%s is of type %u, which there is not", name, option->type);
  else if (option->is_list > 1)
    cepa_check_fail (check, "is_list of %s is %u, neither 0 nor 1", name, option->is_list);
  else if (option->type == CEPA_PLUGIN_OPTION_INT && option->minimum > option->maximum)
    cepa_check_fail (check, "the least value of %s is above the greatest", name);
  else if (option->type != CEPA_PLUGIN_OPTION_TEXT && option->choices != NULL)
    cepa_check_fail (check, "%s has choices and is not of type TEXT", name);
  else if (option->description == NULL || option->description[0] == '\0'
           || option->description[strlen (option->description) - 1] != '.')
    cepa_check_fail (check, "the description of %s is not whole sentences", name);
  else if (option->default_text != NULL && !table_is_value (option, option->default_text))
    cepa_check_fail (check, "the default \"%s\" of %s is not one of its values", option->default_text, name);
}

static void
table_check_options (CepaCheck *check)
{
  const CepaPlugin *plugin = check->plugin;
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  if (plugin->n_options > 0 && (plugin->options == NULL || plugin->option_stride < sizeof (CepaPluginOption)))
    {
      cepa_check_fail (check, plugin->options == NULL ? "there are n_options and no options"
                                                      : "set .option_stride = sizeof (CepaPluginOption)");
      return;
    }
  for (guint i = 0; i < plugin->n_options; i++)
    {
      const char *row = (const char *) plugin->options + (gsize) i * plugin->option_stride;
      const CepaPluginOption *option = (gconstpointer) row;

      table_check_option (check, option, i);
      if (option->name != NULL && !g_hash_table_add (names, (gpointer) option->name))
        cepa_check_fail (check, "there are two options \"%s\"", option->name);
    }
}

const CepaCheckRule cepa_check_table_rules[] = {
  { "table-size", table_check_size }, { "identity", table_check_identity }, { "kind-table", table_check_kind },
  { "options", table_check_options }, { NULL, NULL },
};

const CepaCheckRule cepa_check_agreement_rules[] = { { "keyfile-agrees", table_check_keyfile }, { NULL, NULL } };
