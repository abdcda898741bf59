/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "base/error.h"

#define DEADLINE_US (30 * G_USEC_PER_SEC)
/* Nobody to ask but the fake server. */
#define FLAGS (TEST_RELAY_FLAGS & ~CEPA_RELAY_V2DIR)

static const TestRelay relays[N_RELAYS] = {
  { .flags = FLAGS | CEPA_RELAY_GUARD, .bandwidth = 100 },
  { .flags = FLAGS, .bandwidth = 100 },
  { .flags = FLAGS, .bandwidth = 100 },
  { .flags = FLAGS | CEPA_RELAY_GUARD, .bandwidth = 100 },
  { .flags = FLAGS | CEPA_RELAY_EXIT, .microdesc = "p accept 80\n", .bandwidth = 100 },
};
const TestConsensus fixture_spec = { relays, N_RELAYS };

static gint64
clock_monotonic_us (G_GNUC_UNUSED const CepaClock *clock)
{
  return g_get_monotonic_time ();
}

static gint64
clock_wall_s (const CepaClock *clock)
{
  return TEST_CONSENSUS_VALID_AFTER_S + ((const TestClock *) clock)->later_s;
}

static void
fixture_too_late (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  g_error ("what was waited for has not come");
}

static void
fixture_changed (gpointer user_data)
{
  ((Fixture *) user_data)->n_changed++;
}

static void
fixture_shut_out (gpointer user_data, const char *missing)
{
  Fixture *self = user_data;

  g_free (self->shut_out);
  self->shut_out = g_strdup (missing);
}

static void
fixture_described (gpointer user_data, const CepaNetwork *network, const GArray *rows)
{
  for (guint i = 0; i < rows->len; i++)
    g_assert_nonnull (cepa_network_get_relay (network, g_array_index (rows, guint32, i)));
  ((Fixture *) user_data)->n_described += rows->len;
}

void
fixture_new_directory (Fixture *self)
{
  CepaDirectoryConfig config;
  CepaDirectoryFuncs funcs = { fixture_changed, self, fixture_shut_out, fixture_described };

  cepa_directory_config_init (&config);
  config.data_directory = self->folder;
  config.flavour = self->flavour;
  config.fetches_useless = self->fetches_useless;
  config.authorities = self->authorities;
  config.fallbacks = self->fallbacks;
  config.is_testing = TRUE;
  config.authority_delay_s = self->authority_delay_s;
  config.max_tries = self->max_tries;
  config.release_date_s = self->release_date_s;
  self->bootstrap = (CepaBootstrap) CEPA_BOOTSTRAP_INIT;
  self->directory = cepa_directory_new (self->context, &self->clock.clock, cepa_random_system (), self->pool,
                                        &self->bootstrap, &config, &funcs);
}

void
fixture_free_directory (Fixture *self)
{
  cepa_directory_stop (self->directory);
  while (cepa_directory_is_busy (self->directory))
    g_main_context_iteration (self->context, TRUE);
  g_clear_pointer (&self->directory, cepa_directory_free);
}

static void
fixture_make_documents (Fixture *self)
{
  GString *all = g_string_new (NULL);

  self->consensus = test_consensus_text (&fixture_spec);
  self->certificate = maker_certificate (maker_authority (0), NULL);
  for (guint i = 0; i < N_RELAYS; i++)
    {
      g_autofree char *text = test_consensus_microdescriptor (&fixture_spec, i);

      g_string_append (all, text);
    }
  self->microdescriptors = g_string_free (all, FALSE);
}

void
fixture_serve (Fixture *self)
{
  fake_directory_put (&self->fake, CONSENSUS, self->consensus);
  fake_directory_put (&self->fake, KEYS, self->certificate);
  fake_directory_put (&self->fake, MICRO, self->microdescriptors);
}

void
fixture_set_up (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaChannelPoolFuncs funcs = { NULL, NULL };
  CepaDirectorySource *authority;
  CepaChannelTarget target;
  g_autoptr (GError) error = NULL;

  memset (self, 0, sizeof *self);
  self->max_tries = 1; /* however slowly the machine does it, each request is made once */
  self->clock.clock = (CepaClock){ clock_monotonic_us, clock_wall_s, NULL };
  self->folder = g_dir_make_tmp ("cepa-directory-XXXXXX", &error);
  g_assert_no_error (error);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->server = fake_server_new (self->context);
  fake_directory_init (&self->fake, self->server);
  self->dialer = fake_dialer_new (self->context);
  self->pool = cepa_channel_pool_new (self->context, fake_server_clock (), cepa_random_system (),
                                      &self->dialer->base, &funcs, NULL);
  self->authorities = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_directory_source_free);
  self->fallbacks = g_ptr_array_new ();
  authority = g_memdup2 (&maker_authority (0)->source, sizeof *authority);
  authority->nickname = g_strdup ("authority");
  fake_server_get_target (self->server, &target);
  memcpy (authority->rsa_id, target.rsa_id, sizeof target.rsa_id);
  authority->ipv4 = target.ipv4;
  authority->or_port = target.or_port;
  g_ptr_array_add (self->authorities, authority);
  fixture_make_documents (self);
  self->deadline = cepa_loop_watch_fd (self->context, -1, "deadline", fixture_too_late, self);
  cepa_loop_set_delay (self->deadline, DEADLINE_US);
  fixture_new_directory (self);
}

void
fixture_tear_down (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CANCELLED, "of the test");
  g_autoptr (GDir) folder = NULL;
  const char *name;

  fixture_free_directory (self);
  cepa_channel_pool_close_all (self->pool, reason);
  while (!cepa_channel_pool_is_empty (self->pool))
    g_main_context_iteration (self->context, TRUE);
  cepa_channel_pool_free (self->pool);
  fake_dialer_free (self->dialer);
  fake_directory_clear (&self->fake);
  fake_server_free (self->server);
  cepa_loop_clear (&self->deadline);
  folder = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->authorities);
  g_ptr_array_unref (self->fallbacks);
  g_free (self->folder);
  g_free (self->consensus);
  g_free (self->certificate);
  g_free (self->microdescriptors);
  g_free (self->shut_out);
}

void
fixture_turn (Fixture *self)
{
  g_main_context_iteration (self->context, TRUE);
}

void
fixture_wait_sufficient (Fixture *self)
{
  while (!cepa_directory_is_sufficient (self->directory))
    fixture_turn (self);
}

void
fixture_put (Fixture *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

char *
fixture_read (Fixture *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

char *
fixture_replaced (const char *text, const char *old, const char *new)
{
  char *copy = g_strdup (text), *at = strstr (copy, old);

  g_assert_cmpuint (strlen (old), ==, strlen (new));
  while (at != NULL)
    {
      memcpy (at, new, strlen (new));
      at = strstr (at, old);
    }
  return copy;
}

void
fixture_check_gets_over (Fixture *self, const char *resource, const char *bad, const char *good, const char *logged)
{
  g_autofree char *log = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_INFO);
  fixture_serve (self);
  fake_directory_put (&self->fake, resource, bad);
  cepa_directory_start (self->directory);
  while (fake_directory_count (&self->fake, resource) < 3)
    {
      g_assert_false (cepa_directory_is_sufficient (self->directory));
      fixture_turn (self);
    }
  fake_directory_put (&self->fake, resource, good);
  fixture_wait_sufficient (self);
  log = log_capture_stop (&capture);
  log_capture_assert_has (log, logged);
}
