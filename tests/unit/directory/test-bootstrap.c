/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines by which others see how far we are: C Tor's, to the letter (0.4.9.11, bootstrap.c). */
#include "directory/bootstrap.h"
#include "support/log-capture.h"

/* The log's text behind its times and severities. (transfer full) */
static char *
strip (const char *log)
{
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  GString *out = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    {
      const char *text = strstr (lines[i], "Bootstrapped");

      g_assert_nonnull (strstr (lines[i], "[notice]"));
      g_assert_nonnull (text);
      g_string_append_printf (out, "%s\n", text);
    }
  return g_string_free (out, FALSE);
}

static void
test_lines (void)
{
  static const CepaBootstrapPhase phases[] = {
    CEPA_BOOTSTRAP_STARTING, CEPA_BOOTSTRAP_CONN, CEPA_BOOTSTRAP_CONN_DONE, CEPA_BOOTSTRAP_HANDSHAKE,
    CEPA_BOOTSTRAP_HANDSHAKE_DONE, CEPA_BOOTSTRAP_ONEHOP_CREATE, CEPA_BOOTSTRAP_REQUESTING_STATUS,
    CEPA_BOOTSTRAP_LOADING_STATUS, CEPA_BOOTSTRAP_LOADING_KEYS, CEPA_BOOTSTRAP_REQUESTING_DESCRIPTORS,
    CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, CEPA_BOOTSTRAP_ENOUGH_DIRINFO, CEPA_BOOTSTRAP_AP_CONN,
    CEPA_BOOTSTRAP_AP_CONN_DONE, CEPA_BOOTSTRAP_AP_HANDSHAKE, CEPA_BOOTSTRAP_AP_HANDSHAKE_DONE,
    CEPA_BOOTSTRAP_CIRCUIT_CREATE, CEPA_BOOTSTRAP_DONE,
  };
  CepaBootstrap bootstrap = CEPA_BOOTSTRAP_INIT;
  g_autofree char *log = NULL, *text = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_NOTICE);
  for (guint i = 0; i < G_N_ELEMENTS (phases); i++)
    cepa_bootstrap_reach (&bootstrap, phases[i], 0);
  log = log_capture_stop (&capture);
  text = strip (log);
  g_assert_cmpstr (text, ==,
                   "Bootstrapped 0% (starting): Starting\n"
                   "Bootstrapped 5% (conn): Connecting to a relay\n"
                   "Bootstrapped 10% (conn_done): Connected to a relay\n"
                   "Bootstrapped 14% (handshake): Handshaking with a relay\n"
                   "Bootstrapped 15% (handshake_done): Handshake with a relay done\n"
                   "Bootstrapped 20% (onehop_create): Establishing an encrypted directory connection\n"
                   "Bootstrapped 25% (requesting_status): Asking for networkstatus consensus\n"
                   "Bootstrapped 30% (loading_status): Loading networkstatus consensus\n"
                   "Bootstrapped 40% (loading_keys): Loading authority key certs\n"
                   "Bootstrapped 45% (requesting_descriptors): Asking for relay descriptors\n"
                   "Bootstrapped 50% (loading_descriptors): Loading relay descriptors\n"
                   "Bootstrapped 75% (enough_dirinfo): Loaded enough directory info to build circuits\n"
                   "Bootstrapped 80% (ap_conn): Connecting to a relay to build circuits\n"
                   "Bootstrapped 85% (ap_conn_done): Connected to a relay to build circuits\n"
                   "Bootstrapped 89% (ap_handshake): Finishing handshake with a relay to build circuits\n"
                   "Bootstrapped 90% (ap_handshake_done): Handshake finished with a relay to build circuits\n"
                   "Bootstrapped 95% (circuit_create): Establishing a Tor circuit\n"
                   "Bootstrapped 100% (done): Done\n");
}

static void
test_never_back (void)
{
  CepaBootstrap bootstrap = CEPA_BOOTSTRAP_INIT;
  g_autofree char *log = NULL, *text = NULL;
  LogCapture capture;

  log_capture_start (&capture, CEPA_LOG_NOTICE);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 0);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 7);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 7);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 3);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_CONN, 0);
  g_assert_cmpint (bootstrap.percent, ==, 57);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 24);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_DONE, 0);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_ENOUGH_DIRINFO, 0);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_DONE, 0);
  log = log_capture_stop (&capture);
  text = strip (log);
  g_assert_cmpstr (text, ==,
                   "Bootstrapped 50% (loading_descriptors): Loading relay descriptors\n"
                   "Bootstrapped 57% (loading_descriptors): Loading relay descriptors\n"
                   "Bootstrapped 74% (loading_descriptors): Loading relay descriptors\n"
                   "Bootstrapped 100% (done): Done\n");
}

static void
note_reached (gpointer user_data, const CepaBootstrap *bootstrap)
{
  g_string_append_printf (user_data, "%d %s %s|", bootstrap->percent, cepa_bootstrap_get_tag (bootstrap),
                          cepa_bootstrap_get_summary (bootstrap));
}

static void
test_reached (void)
{
  CepaBootstrap bootstrap = CEPA_BOOTSTRAP_INIT;
  g_autoptr (GString) told = g_string_new (NULL);

  g_assert_cmpstr (cepa_bootstrap_get_tag (&bootstrap), ==, "starting");
  bootstrap.reached = note_reached;
  bootstrap.user_data = told;
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 7);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_CONN, 0);
  cepa_bootstrap_reach (&bootstrap, CEPA_BOOTSTRAP_DONE, 0);
  g_assert_cmpstr (told->str, ==, "57 loading_descriptors Loading relay descriptors|100 done Done|");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bootstrap/lines", test_lines);
  g_test_add_func ("/bootstrap/never-back", test_never_back);
  g_test_add_func ("/bootstrap/reached", test_reached);
  return g_test_run ();
}
