/* SPDX-License-Identifier: BSD-3-Clause */
/* A small world for the vocabulary of the fixture. */
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define GUARD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define MIDDLE "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define EXIT "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

/* Values as g_variant_parse() reads them. */
#define CIRCUITS \
  "([{'id': <uint64 3>, 'state': <'open'>, 'purpose': <'general'>, 'path': <[('" GUARD "', 'guard'), ('" MIDDLE \
  "', 'middle'), ('" EXIT "', 'exit')]>, 'built': <uint32 3>, 'streams': <uint32 1>, " \
  "'created': <int64 1767225600000123>, 'channel': <uint64 1>}, " \
  "{'id': <uint64 4>, 'state': <'building'>, 'purpose': <'internal'>, 'path': <[('" GUARD "', 'guard'), ('" MIDDLE \
  "', '')]>, 'built': <uint32 0>, 'created': <int64 1767225601000000>, 'channel': <uint64 1>}],)"
#define STREAMS \
  "([{'id': <uint64 8>, 'state': <'open'>, 'circuit': <uint64 3>, 'target': <'web.example:80'>, " \
  "'source': <'127.0.0.1:40000'>, 'created': <int64 1767225602000000>, 'bytes-read': <uint64 100>, " \
  "'bytes-written': <uint64 20>}],)"
#define GUARDS \
  "([{'fingerprint': <'" GUARD "'>, 'nickname': <'guard'>, 'is-current': <true>, 'state': <'up'>, 'since': <int64 0>}, " \
  "{'fingerprint': <'" MIDDLE "'>, 'nickname': <'middle'>, 'is-current': <true>, 'state': <'down'>, " \
  "'since': <int64 1767225600>}, " \
  "{'fingerprint': <'" EXIT "'>, 'nickname': <''>, 'is-current': <true>, 'state': <'never-connected'>}, " \
  "{'fingerprint': <'" EXIT "'>, 'nickname': <'bridge'>, 'is-current': <false>, 'state': <'up'>}],)"
#define CHANNELS \
  "([{'id': <uint64 1>, 'state': <'open'>, 'fingerprint': <'" GUARD "'>, 'nickname': <'guard'>, " \
  "'address': <'127.0.0.1:5001'>, 'circuits': <uint32 2>}, {'id': <uint64 2>, 'state': <'connecting'>, " \
  "'fingerprint': <''>, 'nickname': <''>, 'address': <'127.0.0.1:5002'>, 'circuits': <uint32 0>}],)"
#define RELAY(id, name, flags, ipv6) \
  "{'nickname': <'" name "'>, 'fingerprint': <'" id "'>, 'published': <int64 1767222000>, 'address': <'127.0.0.1'>, " \
  "'or-port': <uint16 5001>, 'ipv6': <'" ipv6 "'>, 'flags': <[" flags "]>, 'bandwidth': <uint32 1000>, " \
  "'digest': <[byte 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, " \
  "27, 28, 29, 30, 31, 32]>, 'has-microdescriptor': <true>}"
#define RELAY_GUARD RELAY (GUARD, "guard", "'Fast', 'Guard', 'Running', 'Valid'", "[::1]:5001")
#define RELAY_EXIT RELAY (EXIT, "exit", "'Exit', 'Fast', 'Running', 'Valid'", "")
#define OPTIONS \
  "([('ControlPort', '[ADDRESS:]PORT|unix:PATH|auto|0 [flags]', false), ('DataDirectory', 'PATH', false), " \
  "('Log', 'SEVERITY [file PATH]', true), ('PathPolicy', 'NAME', true), ('SafeLogging', '0|1|relay', true), " \
  "('SocksPort', '[ADDRESS:]PORT|auto|0 [flags]', true), ('UseMicrodescriptors', '0|1', false)],)"

static GVariant *
world_parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *value = g_variant_parse (NULL, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

static GVariant *
world_find (G_GNUC_UNUSED gpointer words, GVariant *args, GError **error)
{
  const char *relay;

  g_variant_get (args, "(&s)", &relay);
  relay += *relay == '$';
  if (g_ascii_strcasecmp (relay, GUARD) == 0 || g_str_equal (relay, "guard"))
    return world_parse ("(" RELAY_GUARD ",)");
  if (g_ascii_strcasecmp (relay, EXIT) == 0 || g_str_equal (relay, "exit"))
    return world_parse ("(" RELAY_EXIT ",)");
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "there is no relay %s", relay);
  return NULL;
}

static GVariant *
world_country (G_GNUC_UNUSED gpointer words, GVariant *args, GError **error)
{
  const char *address;

  g_variant_get (args, "(&s)", &address);
  if (g_str_equal (address, "192.0.2.1"))
    return world_parse ("('de',)");
  if (g_str_equal (address, "192.0.2.2"))
    return world_parse ("('',)");
  if (g_str_equal (address, "2001:db8::1"))
    return world_parse ("('fr',)");
  if (g_str_equal (address, "198.51.100.1"))
    g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no file");
  else
    g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "it is no address");
  return NULL;
}

/* (transfer full) (nullable): the nickname of the relay that @args ask for. */
static char *
world_find_nickname (gpointer words, GVariant *args, GError **error)
{
  g_autoptr (GVariant) relay = world_find (words, args, error);
  g_autoptr (GVariant) dict = relay != NULL ? g_variant_get_child_value (relay, 0) : NULL;
  char *name = NULL;

  if (dict != NULL)
    g_variant_lookup (dict, "nickname", "s", &name);
  return name;
}

static GVariant *
world_microdescriptor (gpointer words, GVariant *args, GError **error)
{
  g_autofree char *name = world_find_nickname (words, args, error), *text = NULL;

  if (name == NULL)
    return NULL;
  text = g_strdup_printf ("onion-key\nntor-onion-key AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nfamily %s\n", name);
  return g_variant_ref_sink (g_variant_new ("(s)", text));
}

static GVariant *
world_server_descriptor (gpointer words, GVariant *args, GError **error)
{
  g_autofree char *name = world_find_nickname (words, args, error);

  return name != NULL ? g_variant_ref_sink (g_variant_new ("(s)", name)) : NULL;
}

/* (nullable): the option's name in its right spelling. */
static const char *
world_spelling (Fixture *self, const char *name)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->options);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_ascii_strcasecmp (key, name) == 0)
      return key;
  return NULL;
}

static GVariant *
world_get_option (gpointer words, GVariant *args, GError **error)
{
  Fixture *self = words;
  const char *name, *spelling;

  g_variant_get (args, "(&s)", &name);
  spelling = world_spelling (self, name);
  if (spelling != NULL)
    return g_variant_ref_sink (g_variant_new ("(s^as)", spelling, g_hash_table_lookup (self->options, spelling)));
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "unknown option %s", name);
  return NULL;
}

static gboolean
world_check_option (Fixture *self, const char *name, char **values, GError **error)
{
  const char *spelling = world_spelling (self, name);

  if (spelling == NULL)
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "unknown option %s", name);
  else if (g_str_equal (spelling, "DataDirectory"))
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "%s cannot be set while running", spelling);
  else if (g_str_equal (spelling, "SafeLogging") && values[0] != NULL && !g_str_equal (values[0], "0")
           && !g_str_equal (values[0], "1"))
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "%s: \"%s\" is not 0 or 1", spelling, values[0]);
  else if (g_str_equal (spelling, "PathPolicy") && values[0] != NULL && g_str_equal (values[0], "broken"))
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the plugin did not start");
  else
    return TRUE;
  return FALSE;
}

static GVariant *
world_set_options (gpointer words, GVariant *args, GError **error)
{
  Fixture *self = words;
  g_autoptr (GVariant) list = g_variant_get_child_value (args, 0);

  for (guint round = 0; round < 2; round++)
    for (gsize i = 0; i < g_variant_n_children (list); i++)
      {
        g_auto (GStrv) values = NULL;
        const char *name;

        g_variant_get_child (list, i, "(&s^as)", &name, &values);
        if (round == 0 && !world_check_option (self, name, values, error))
          return NULL;
        if (round == 1)
          {
            char *spelling = g_strdup (world_spelling (self, name));

            g_hash_table_replace (self->options, spelling, g_steal_pointer (&values));
            fake_words_emit (&self->words, "Options1", "Changed", g_variant_new_parsed ("([%s],)", spelling));
          }
      }
  return g_variant_ref_sink (g_variant_new ("()"));
}

static GVariant *
world_new_identity (gpointer words, G_GNUC_UNUSED GVariant *args, G_GNUC_UNUSED GError **error)
{
  fake_words_emit (words, "Client1", "NewIdentityTaken", g_variant_new ("()"));
  return g_variant_ref_sink (g_variant_new ("()"));
}

static GVariant *
world_close (G_GNUC_UNUSED gpointer words, GVariant *args, GError **error)
{
  g_autoptr (GVariant) id = g_variant_get_child_value (args, 0);

  if (g_variant_get_uint64 (id) == 3 || g_variant_get_uint64 (id) == 8)
    return g_variant_ref_sink (g_variant_new ("()"));
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "there is none of that number");
  return NULL;
}

static void
world_set_option (Fixture *self, const char *name, const char *value)
{
  const char *values[] = { value, NULL };

  g_hash_table_replace (self->options, g_strdup (name), g_strdupv ((char **) values));
}

static void
world_set_up_properties (Fixture *self)
{
  fake_words_set_property (&self->words, "Client1.Version", g_variant_new_string ("0.1.0"));
  fake_words_set_property (&self->words, "Client1.Bootstrap", g_variant_new ("(uss)", 100, "done", "Done"));
  fake_words_set_property (&self->words, "Client1.IsReady", g_variant_new_boolean (TRUE));
  fake_words_set_property (&self->words, "Client1.HasDirectory", g_variant_new_boolean (TRUE));
  fake_words_set_property (&self->words, "Client1.Listeners",
                           world_parse ("[('socks', '127.0.0.1:9250'), ('socks', 'unix:/run/x'), "
                                        "('metrics', '[::1]:1'), ('control', 'unix:/bus')]"));
  fake_words_set_property (&self->words, "Client1.BytesRead", g_variant_new_uint64 (1000));
  fake_words_set_property (&self->words, "Client1.BytesWritten", g_variant_new_uint64 (500));
  fake_words_set_property (&self->words, "Client1.StartTime", g_variant_new_int64 (self->words.host.now_s - 77));
  fake_words_set_property (&self->words, "Client1.Pid", g_variant_new_uint32 ((guint32) getpid ()));
  fake_words_set_property (&self->words, "Client1.DataDirectory", g_variant_new_string (self->folder));
  fake_words_set_property (&self->words, "Client1.ConfigFile", g_variant_new_string ("/etc/cepa/torrc"));
  fake_words_set_property (&self->words, "Network1.NRelays", g_variant_new_uint32 (2));
  fake_words_set_property (&self->words, "Network1.Descriptors", world_parse ("['microdescriptors']"));
  fake_words_set_property (&self->words, "Network1.ValidAfter", g_variant_new_int64 (1767222000));
  fake_words_set_property (&self->words, "Network1.FreshUntil", g_variant_new_int64 (1767225600));
  fake_words_set_property (&self->words, "Network1.ValidUntil", g_variant_new_int64 (1767232800));
}

void
fixture_set_up_world (Fixture *self)
{
  world_set_up_properties (self);
  fake_words_set_result (&self->words, "Circuits1.List", world_parse (CIRCUITS));
  fake_words_set_result (&self->words, "Streams1.List", world_parse (STREAMS));
  fake_words_set_result (&self->words, "Channels1.List", world_parse (CHANNELS));
  fake_words_set_result (&self->words, "Guards1.List", world_parse (GUARDS));
  fake_words_set_result (&self->words, "Guards1.Drop", g_variant_new ("()"));
  fake_words_set_result (&self->words, "Circuits1.DropBuildTimes", g_variant_new ("()"));
  fake_words_set_result (&self->words, "Network1.List", world_parse ("([" RELAY_GUARD ", " RELAY_EXIT "],)"));
  fake_words_set_result (&self->words, "Options1.List", world_parse (OPTIONS));
  fake_words_set_result (&self->words, "Client1.Reload", g_variant_new ("()"));
  fake_words_set_result (&self->words, "Client1.SetDormant", g_variant_new ("()"));
  fake_words_set_result (&self->words, "Client1.Shutdown", g_variant_new ("()"));
  fake_words_set_method (&self->words, "Client1.NewIdentity", world_new_identity);
  fake_words_set_method (&self->words, "Network1.Find", world_find);
  fake_words_set_method (&self->words, "Network1.Microdescriptor", world_microdescriptor);
  fake_words_set_method (&self->words, "Network1.ServerDescriptor", world_server_descriptor);
  fake_words_set_method (&self->words, "Network1.Country", world_country);
  fake_words_set_result (&self->words, "Network1.HasCountries", world_parse ("(true, false)"));
  fake_words_set_method (&self->words, "Options1.Get", world_get_option);
  fake_words_set_method (&self->words, "Options1.Set", world_set_options);
  fake_words_set_method (&self->words, "Circuits1.Close", world_close);
  fake_words_set_method (&self->words, "Streams1.Close", world_close);
  world_set_option (self, "ControlPort", "auto");
  world_set_option (self, "DataDirectory", self->folder);
  world_set_option (self, "Log", "notice stdout");
  world_set_option (self, "PathPolicy", "weighted");
  world_set_option (self, "SafeLogging", "1");
  world_set_option (self, "SocksPort", "9250");
  world_set_option (self, "UseMicrodescriptors", NULL);
}
