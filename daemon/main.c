/* SPDX-License-Identifier: BSD-3-Clause */
/* cepad: options, loop, signals, exit codes. */
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/memory.h"
#include "base/secret.h"
#include "client-kept.h"
#include "client.h"
#include "config/command-line.h"
#include "crypto/digest.h"
#include "host/host.h"

/* Everything has to be over by then: SIGINT and SIGTERM end the process within two seconds. */
#define MAIN_STOP_DEADLINE_US (3 * G_USEC_PER_SEC / 2)
#define MAIN_LOCK_FILE "lock"

typedef struct
{
  GMainContext *context;
  CepaPluginHost *host;
  CepaClient *client;
  GError *failure; /* (nullable): why it cannot go on */
  gboolean is_asked_to_stop, is_late;
} Main;

static gboolean
main_stop_signal (gpointer user_data)
{
  Main *self = user_data;

  self->is_asked_to_stop = TRUE;
  return G_SOURCE_REMOVE;
}

static void
main_asked_to_stop (gpointer user_data)
{
  ((Main *) user_data)->is_asked_to_stop = TRUE;
}

static gboolean
main_hangup_signal (G_GNUC_UNUSED gpointer user_data)
{
  cepa_log_reopen ();
  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE,
            "Received SIGHUP: the log files were opened again. This version does not read the torrc again.");
  return G_SOURCE_CONTINUE;
}

static void
main_watch_signal (Main *self, int number, GSourceFunc func)
{
  g_autoptr (GSource) source = g_unix_signal_source_new (number);

  g_source_set_static_name (source, "signal");
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->context);
}

static void
main_deadline (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  ((Main *) user_data)->is_late = TRUE;
}

/* Directories for plugins: those asked for, then that of the build tree that we run from, else the installed. */
static void
main_scan_plugins (CepaPluginHost *host, const CepaConfig *config)
{
  g_autofree char *self_path = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = g_path_get_dirname (self_path != NULL ? self_path : "/");
  g_autofree char *build = g_path_get_dirname (folder);
  g_autofree char *marker = g_build_filename (build, "meson-private", NULL);
  g_autofree char *plugins = g_build_filename (build, "plugins", NULL);

  for (guint i = 0; config->plugin_directories != NULL && config->plugin_directories[i] != NULL; i++)
    cepa_plugin_host_scan (host, config->plugin_directories[i]);
  cepa_plugin_host_scan (host, g_file_test (marker, G_FILE_TEST_IS_DIR) ? plugins : CEPA_PLUGIN_DIRECTORY);
}

/* A plugin that the daemon cannot do without is gone, or the network has shut us out. */
static void
main_failed (gpointer user_data, const GError *error)
{
  Main *self = user_data;

  if (self->failure == NULL)
    self->failure = g_error_copy (error);
  self->is_asked_to_stop = TRUE;
}

static void
main_harden (void)
{
  struct rlimit none = { 0, 0 }, files;

  umask (077);
  signal (SIGPIPE, SIG_IGN);
  setrlimit (RLIMIT_CORE, &none);
  if (getrlimit (RLIMIT_NOFILE, &files) == 0)
    {
      files.rlim_cur = files.rlim_max;
      setrlimit (RLIMIT_NOFILE, &files);
    }
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef __SANITIZE_ADDRESS__
  prctl (PR_SET_DUMPABLE, 0, 0, 0, 0); /* the leak checker attaches to us at the end */
#endif
}

/* Turns the loop until all has ended, or it has taken too long. */
static void
main_stop (Main *self)
{
  CepaLoopWatch *deadline = cepa_loop_watch_fd (self->context, -1, "stop deadline", main_deadline, self);

  cepa_loop_set_delay (deadline, MAIN_STOP_DEADLINE_US);
  cepa_client_stop (self->client);
  while (!cepa_client_is_stopped (self->client) && !self->is_late)
    g_main_context_iteration (self->context, TRUE);
  cepa_plugin_host_stop (self->host);
  while (!cepa_plugin_host_is_stopped (self->host) && !self->is_late)
    g_main_context_iteration (self->context, TRUE);
  cepa_loop_clear (&deadline);
}

static void
main_run (Main *self)
{
  main_watch_signal (self, SIGINT, main_stop_signal);
  main_watch_signal (self, SIGTERM, main_stop_signal);
  main_watch_signal (self, SIGHUP, main_hangup_signal);
  cepa_plugin_host_start (self->host);
  while (!cepa_plugin_host_is_ready (self->host) && !self->is_asked_to_stop)
    g_main_context_iteration (self->context, TRUE);
  if (!self->is_asked_to_stop)
    cepa_client_start (self->client);
  while (!self->is_asked_to_stop)
    g_main_context_iteration (self->context, TRUE);
  if (self->failure == NULL)
    cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "Asked to stop: exiting cleanly.");
  main_stop (self);
}

static gboolean
main_write_pid (const char *path, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%ld\n", (long) getpid ());
  g_autoptr (GBytes) content = g_bytes_new (text, strlen (text));

  return path == NULL || cepa_file_write (path, &content, 1, error);
}

/* Makes the client over the plugins, and lets it run until it is asked to stop, or cannot go on. */
static gboolean
main_with_plugins (Main *self, const CepaCommandLine *line, GError **error)
{
  CepaClientFuncs funcs = { main_asked_to_stop, main_failed, self };
  const CepaConfig *config = line->config;

  if (!cepa_plugin_host_configure (self->host, config, error) || !main_write_pid (config->pid_file, error))
    return FALSE;
  self->client = cepa_client_new (self->context, line, self->host, &funcs, error);
  if (self->client != NULL)
    main_run (self);
  if (config->pid_file != NULL)
    g_unlink (config->pid_file);
  return self->client != NULL;
}

/* With the data directory ours. */
static gboolean
main_with_config (const CepaCommandLine *line, GError **error)
{
  const CepaConfig *config = line->config;
  g_autoptr (GMainContext) context = g_main_context_new ();
  Main self = { .context = context };
  CepaPluginHostFuncs funcs = { main_failed, &self };
  GSource *probe = cepa_loop_probe_new (context);
  gboolean ok;

  g_main_context_push_thread_default (context);
  self.host = cepa_plugin_host_new (context, cepa_clock_system (), cepa_random_system (), config->data_directory, &funcs);
  main_scan_plugins (self.host, config);
  ok = main_with_plugins (&self, line, error);
  if (self.client == NULL || cepa_client_is_stopped (self.client))
    {
      cepa_client_free (self.client);
      cepa_plugin_host_free (self.host);
    }
  cepa_loop_probe_clear (&probe);
  g_main_context_pop_thread_default (context);
  if (self.failure != NULL)
    g_propagate_error (error, self.failure);
  return ok && self.failure == NULL;
}

static gboolean
main_open_log (const CepaCommandLine *line, GError **error)
{
  cepa_log_set_safe_logging (line->config->safe_logging);
  if (!cepa_log_config_apply ((const char *const *) line->config->logs, line->console, error))
    return FALSE;
  cepa_log_startup_done ();
  return TRUE;
}

static gboolean
main_prepare (const CepaCommandLine *line, int *lock, GError **error)
{
  g_autofree char *lock_path = g_build_filename (line->config->data_directory, MAIN_LOCK_FILE, NULL);

  cepa_log (CEPA_LOG_GENERAL, CEPA_LOG_NOTICE, "Cepa %s running on Linux with GLib %u.%u.%u, GnuTLS %s.", CEPA_VERSION,
            glib_major_version, glib_minor_version, glib_micro_version, gnutls_check_version (NULL));
  for (guint i = 0; i < line->warnings->len; i++)
    cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN, "%s", (const char *) g_ptr_array_index (line->warnings, i));
  if (!cepa_file_prepare_directory (line->config->data_directory, error))
    return FALSE;
  *lock = cepa_file_lock (lock_path, error);
  return *lock >= 0;
}

/* --import-guards, with the data directory ours. */
static gboolean
main_import_guards (const CepaCommandLine *line, GError **error)
{
  guint n = cepa_client_kept_import_guards (line->config, line->import_guards, error);

  if (n > 0)
    cepa_log (CEPA_LOG_GUARD, CEPA_LOG_NOTICE, "Took %u guards from %s.", n, line->import_guards);
  return n > 0;
}

/* Before there is a log. */
static int
main_fail (const GError *error)
{
  fprintf (stderr, "cepad: %s\n", error->message);
  return 1;
}

int
main (G_GNUC_UNUSED int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CepaCommandLine) line = NULL;
  int lock = -1;

  cepa_memory_init ();
  main_harden ();
  cepa_log_capture_glib ();
  line = cepa_command_line_load (argv, CEPA_TORRC, &error);
  if (line == NULL)
    return main_fail (error);
  if (line->action != CEPA_RUN)
    {
      for (guint i = 0; line->warnings != NULL && i < line->warnings->len; i++)
        fprintf (stderr, "cepad: warning: %s\n", (const char *) g_ptr_array_index (line->warnings, i));
      puts (line->action == CEPA_VERIFY ? "Configuration was valid" : line->output);
      return 0;
    }
  if (!cepa_secret_init (&error) || !cepa_crypto_init (&error) || !main_open_log (line, &error))
    return main_fail (error);
  if (!main_prepare (line, &lock, &error)
      || !(line->import_guards != NULL ? main_import_guards (line, &error) : main_with_config (line, &error)))
    cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_ERR, "%s", error->message);
  if (lock >= 0)
    close (lock);
  cepa_log_close ();
  return error == NULL ? 0 : 1;
}
