/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-network.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/loop.h"
#include "crypto/digest.h"
#include "directory/cache.h"
#include "netdoc/maker.h"
#include "support/test-consensus.h"

/* No V2Dir: nothing is fetched. */
#define FLAGS (TEST_RELAY_FLAGS & ~CEPA_RELAY_V2DIR)

static const TestRelay network_relays[FAKE_N_ROWS] = {
  [FAKE_ROW_MIDDLE] = { .flags = FLAGS, .bandwidth = 100 },
  [FAKE_ROW_EXIT_A] = { .flags = FLAGS | CEPA_RELAY_EXIT, .bandwidth = 100 },
  [FAKE_ROW_EXIT_B] = { .flags = FLAGS | CEPA_RELAY_EXIT, .bandwidth = 100 },
  [FAKE_ROW_GUARD] = { .flags = FLAGS | CEPA_RELAY_V2DIR | CEPA_RELAY_GUARD, .bandwidth = 100 },
};

static void
network_get_hop (guint row, CepaCircuitHop *out)
{
  fake_relay_get_hop (row == FAKE_ROW_GUARD ? 0 : row + 1, out);
}

/* ---- the cache ---- */

static char *
network_microdescriptor (guint row)
{
  CepaCircuitHop hop;
  g_autofree char *ntor = NULL, *ed25519 = NULL;

  network_get_hop (row, &hop);
  ntor = cepa_base64_encode_unpadded (hop.ntor_key, sizeof hop.ntor_key);
  ed25519 = cepa_base64_encode_unpadded (hop.target.ed25519_id, sizeof hop.target.ed25519_id);
  return g_strdup_printf ("onion-key\nntor-onion-key %s\n%sid ed25519 %s\n", ntor,
                          row == FAKE_ROW_EXIT_A   ? "p accept 80,443\n"
                          : row == FAKE_ROW_EXIT_B ? "p accept 80\n"
                                                   : "",
                          ed25519);
}

static void
append_relay_line (GString *out, guint row, guint16 port)
{
  CepaCircuitHop hop;
  g_autofree char *id = NULL;

  network_get_hop (row, &hop);
  id = cepa_base64_encode_unpadded (hop.target.rsa_id, sizeof hop.target.rsa_id);
  g_string_append_printf (out, "r %s %s 2038-01-01 00:00:00 %u.%u.%u.%u %u 0\n", hop.nickname, id,
                          hop.target.ipv4 >> 24, hop.target.ipv4 >> 16 & 255, hop.target.ipv4 >> 8 & 255,
                          hop.target.ipv4 & 255, row == FAKE_ROW_GUARD ? port : hop.target.or_port);
}

static void
append_digest_line (GString *out, guint row)
{
  g_autofree char *text = network_microdescriptor (row), *digest_text = NULL;
  guint8 digest[32];

  cepa_sha256 (text, strlen (text), digest);
  digest_text = cepa_base64_encode_unpadded (digest, sizeof digest);
  g_string_append_printf (out, "m %s\n", digest_text);
}

/* The consensus of test-consensus.h with other relays in it, signed again. */
static char *
network_consensus (guint16 port)
{
  const TestConsensus spec = { network_relays, FAKE_N_ROWS };
  g_autofree char *text = test_consensus_text (&spec), *signature = NULL;
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);
  guint row = 0;

  for (guint i = 0; !g_str_has_prefix (lines[i], "directory-signature "); i++)
    if (g_str_has_prefix (lines[i], "r "))
      append_relay_line (out, row, port);
    else if (g_str_has_prefix (lines[i], "m "))
      append_digest_line (out, row++);
    else
      g_string_append_printf (out, "%s\n", lines[i]);
  g_assert_cmpuint (row, ==, FAKE_N_ROWS);
  g_string_append (out, "directory-signature ");
  signature = maker_directory_signature (maker_authority (0), TRUE, out->str);
  g_string_append (out, signature + strlen ("directory-signature "));
  return g_string_free (out, FALSE);
}

/* @text: (transfer full) */
static void
network_put (FakeNetwork *self, const char *name, char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  g_free (text);
}

static void
network_make_cache (FakeNetwork *self)
{
  GString *all = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("cepa-network-XXXXXX", &error);
  g_assert_no_error (error);
  for (guint row = 0; row < FAKE_N_ROWS; row++)
    {
      g_autofree char *text = network_microdescriptor (row);

      g_string_append (all, text);
    }
  network_put (self, CEPA_CACHE_MICRODESCRIPTORS, g_string_free (all, FALSE));
  network_put (self, CEPA_CACHE_CERTS, maker_certificate (maker_authority (0), NULL));
  network_put (self, CEPA_CACHE_CONSENSUS, network_consensus (self->server->port));
}

/* ---- the policy ---- */

/* Guard, middle, the other exit, and the one that is settled. */
static void
network_choose_settled (FakeNetwork *self, const CepaPathRequest *request, CepaPath *path)
{
  guint32 exit = cepa_path_request_fixed (request, 3);

  path->n_hops = 4;
  path->hops[0] = FAKE_ROW_GUARD;
  path->hops[1] = FAKE_ROW_MIDDLE;
  path->hops[2] = exit == FAKE_ROW_EXIT_A ? FAKE_ROW_EXIT_B : FAKE_ROW_EXIT_A;
  path->hops[3] = exit;
  self->n_chosen[exit]++;
}

/* Guard, middle, and the first exit that is not excluded and lets the port through. */
static gboolean
network_choose (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathRequest *request,
                CepaPath *path, GError **error)
{
  FakeNetwork *self = policy->context;
  const CepaNetwork *network = cepa_directory_get_network (self->directory);

  if (request->n_hops == 4)
    {
      network_choose_settled (self, request, path);
      return TRUE;
    }
  for (guint row = FAKE_ROW_EXIT_A; row <= FAKE_ROW_EXIT_B; row++)
    {
      if (cepa_path_request_excludes (request, row) || cepa_path_request_excludes (request, FAKE_ROW_GUARD)
          || cepa_path_request_excludes (request, FAKE_ROW_MIDDLE)
          || !cepa_network_exit_allows (network, row, request->port, FALSE))
        continue;
      path->n_hops = 3;
      path->hops[0] = FAKE_ROW_GUARD;
      path->hops[1] = self->breaks_rules ? FAKE_ROW_GUARD : FAKE_ROW_MIDDLE;
      path->hops[2] = row;
      self->n_chosen[row]++;
      return TRUE;
    }
  self->n_refused++;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_NO_PATH, "no relays fit");
  return FALSE;
}

static void
network_result (CepaPathPolicy *policy, G_GNUC_UNUSED const CepaNetworkView *view, const CepaPathResult *result)
{
  FakeNetwork *self = policy->context;

  g_array_append_val (self->results, *result);
}

/* ---- all of it ---- */

static void
network_changed (gpointer user_data)
{
  FakeNetwork *self = user_data;

  if (self->circuits != NULL)
    cepa_circuits_network_changed (self->circuits);
}

static void
network_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

void
fake_network_turn (FakeNetwork *self)
{
  g_main_context_iteration (self->context, TRUE);
}

void
fake_network_config_init (CepaCircuitsConfig *config)
{
  cepa_circuits_config_init (config);
  config->enforce_subnets = FALSE;
  config->learns_timeout = FALSE;
  config->fixed_timeout_ms = 10000;
}

void
fake_network_init (FakeNetwork *self)
{
  CepaCircuitsConfig config;

  fake_network_config_init (&config);
  fake_network_init_with (self, &config);
}

void
fake_network_init_with (FakeNetwork *self, const CepaCircuitsConfig *config)
{
  fake_network_init_timed (self, config, fake_server_clock ());
}

void
fake_network_init_timed (FakeNetwork *self, const CepaCircuitsConfig *circuits_config, const CepaClock *clock)
{
  CepaDirectoryConfig config;
  CepaDirectoryFuncs directory_funcs = { network_changed, self };
  CepaChannelPoolFuncs pool_funcs = { NULL, NULL };

  memset (self, 0, sizeof *self);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->server = fake_server_new (self->context);
  network_make_cache (self);
  self->authorities = maker_sources (1);
  self->fallbacks = g_ptr_array_new ();
  config = (CepaDirectoryConfig){ .data_directory = self->folder, .authorities = self->authorities,
                                   .fallbacks = self->fallbacks, .is_testing = TRUE };
  self->bootstrap = (CepaBootstrap) CEPA_BOOTSTRAP_INIT;
  self->dialer = fake_dialer_new (self->context);
  event_log_init (&self->events, fake_server_clock ());
  self->pool = cepa_channel_pool_new (self->context, fake_server_clock (), cepa_random_system (),
                                      &self->dialer->base, &pool_funcs, &self->events.sink);
  self->directory = cepa_directory_new (self->context, fake_server_clock (), cepa_random_system (), self->pool,
                                        &self->bootstrap, &config, &directory_funcs);
  self->results = g_array_new (FALSE, FALSE, sizeof (CepaPathResult));
  self->policy = (CepaPathPolicy){ .id = "path.fake", .choose = network_choose, .result = network_result,
                                   .context = self };
  self->policies = cepa_path_policies_new ();
  cepa_path_policies_use (self->policies, &self->policy);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", network_too_late, self);
  cepa_loop_set_delay (self->deadline, FAKE_NETWORK_DEADLINE_S * G_USEC_PER_SEC);
  cepa_directory_start (self->directory);
  while (!cepa_directory_is_sufficient (self->directory))
    fake_network_turn (self);
  self->circuits = cepa_circuits_new (self->context, clock, cepa_random_system (), self->pool,
                                      self->directory, &self->bootstrap, self->policies, circuits_config);
}

static void
network_remove_folder (FakeNetwork *self)
{
  g_autoptr (GDir) folder = g_dir_open (self->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
}

void
fake_network_clear (FakeNetwork *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");

  cepa_circuits_stop (self->circuits, reason);
  cepa_directory_stop (self->directory);
  cepa_channel_pool_close_all (self->pool, reason);
  while (!cepa_channel_pool_is_empty (self->pool) || cepa_directory_is_busy (self->directory))
    fake_network_turn (self);
  cepa_circuits_free (self->circuits);
  cepa_path_policies_free (self->policies);
  g_array_unref (self->results);
  cepa_directory_free (self->directory);
  cepa_channel_pool_free (self->pool);
  event_log_clear (&self->events);
  fake_dialer_free (self->dialer);
  fake_server_free (self->server);
  cepa_loop_clear (&self->deadline);
  network_remove_folder (self);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->fallbacks);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
}

guint
fake_network_count_cells (FakeNetwork *self, guint8 command)
{
  guint n = 0;

  for (guint i = 0; i < self->server->links->len; i++)
    {
      FakeRelay *relay = ((FakeLink *) g_ptr_array_index (self->server->links, i))->relay;

      for (guint at = 0; at < relay->received->len; at++)
        n += ((const FakeCell *) g_ptr_array_index (relay->received, at))->command == command;
    }
  return n;
}

static void
network_dormant_changed (gpointer user_data, gboolean is_dormant)
{
  cepa_circuits_set_dormant (((FakeNetwork *) user_data)->circuits, is_dormant);
}

static gboolean
network_has_streams (gpointer user_data)
{
  return cepa_circuits_has_streams (((FakeNetwork *) user_data)->circuits);
}

CepaDormancy *
fake_network_make_dormancy (FakeNetwork *self, const CepaDormancyConfig *config)
{
  const CepaDormancyFuncs funcs = { network_dormant_changed, network_has_streams, self };
  CepaDormancy *dormancy = cepa_dormancy_new (self->context, fake_server_clock (), config, NULL, &funcs);

  cepa_circuits_set_dormancy (self->circuits, dormancy);
  return dormancy;
}
