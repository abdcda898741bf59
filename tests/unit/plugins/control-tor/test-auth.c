/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets in, over real sockets: each method, what is said to whom it does not, the files. */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"
#include "secret.h"
#include "text.h"

/* Of "foo", as tor --hash-password printed it. */
#define FOO "16:703D7F2AFD17A0C3609396644CF55DD18F0DF66459D30D60955C0C43A0"

/* The host of tests draws 0x55 for every byte. */
#define COOKIE "5555555555555555555555555555555555555555555555555555555555555555"
#define WRONG "5555555555555555555555555555555555555555555555555555555555555556"

static void
set_up_world (Fixture *self, gconstpointer data)
{
  fixture_set_up (self, data);
  fixture_set_up_world (self);
}

/* One connection that says one thing, and is closed for it. */
static void
check_refused (Fixture *self, const char *command, const char *answer)
{
  Client *client = client_new (self, NULL);

  client_check_closed (client, command, answer);
  client_free (client);
}

static void
test_null (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client;

  fixture_start (self);
  client = client_new (self, NULL);
  client_check (client, "PROTOCOLINFO 1",
                "250-PROTOCOLINFO 1\n250-AUTH METHODS=NULL\n250-VERSION Tor=\"0.4.9.11 (Cepa-0.1.0)\"\n250 OK");
  client_check (client, "authenticate", "250 OK");
  client_check (client, "PROTOCOLINFO", "250-PROTOCOLINFO 1\n250-AUTH METHODS=NULL\n"
                                        "250-VERSION Tor=\"0.4.9.11 (Cepa-0.1.0)\"\n250 OK");
  client_check (client, "PROTOCOLINFO 2 x", "513 No such version \"x\"");
  client_free (client);
  g_assert_nonnull (strstr (self->words.host.log->str, "every program on this machine"));
}

/* What may be said before anything else, and how often. */
static void
test_before (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char info[] = "250-PROTOCOLINFO 1\n250-AUTH METHODS=NULL\n250-VERSION Tor=\"0.4.9.11 (Cepa-0.1.0)\"\n"
                             "250 OK\n514 Authentication required.";

  fixture_start (self);
  check_refused (self, "GETINFO version", "514 Authentication required.");
  check_refused (self, "", "514 Authentication required.");
  check_refused (self, "nonsense", "514 Authentication required.");
  check_refused (self, "+AUTHENTICATE\r\nx\r\n.", "514 Authentication required.");
  check_refused (self, "PROTOCOLINFO\r\nPROTOCOLINFO", info);
  check_refused (self, "QUIT", "250 closing connection");
  check_refused (self, "GETINFO version\r\nAUTHENTICATE\r\nSIGNAL HALT", "514 Authentication required.");
  g_assert_cmpstr (self->words.calls->str, ==, "Channels1.List ()\n");
}

static void
test_cookie (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "control_auth_cookie", NULL);
  g_autofree char *info = g_strdup_printf ("250-PROTOCOLINFO 1\n250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"%s\"\n"
                                           "250-VERSION Tor=\"0.4.9.11 (Cepa-0.1.0)\"\n250 OK", path);
  g_autofree char *content = NULL;
  struct stat info_of_file;
  Client *client;
  gsize len;

  fake_host_set_option (&self->words.host, "cookie-authentication", "1", NULL);
  g_assert_true (g_file_set_contents (path, "an old one", -1, NULL));
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
  fixture_start (self);
  g_assert_cmpint (stat (path, &info_of_file), ==, 0);
  g_assert_cmpint (info_of_file.st_mode & 0777, ==, 0600);
  g_assert_true (g_file_get_contents (path, &content, &len, NULL));
  g_assert_cmpuint (len, ==, CEPA_TOR_COOKIE_LEN);
  g_assert_cmpint (content[0], ==, 0x55);

  client = client_new (self, NULL);
  client_check (client, "PROTOCOLINFO", info);
  client_check (client, "AUTHENTICATE " COOKIE, "250 OK");
  client_free (client);
  check_refused (self, "AUTHENTICATE", "515 Authentication failed: Wrong length on authentication cookie.");
  check_refused (self, "AUTHENTICATE \"x\"", "515 Authentication failed: Wrong length on authentication cookie.");
  check_refused (self, "AUTHENTICATE " WRONG,
                 "515 Authentication failed: Authentication cookie did not match expected value.");
  check_refused (self, "AUTHENTICATE zz", "551 Invalid hexadecimal encoding. A password in plain text has to be in "
                                          "double quotes.");
  check_refused (self, "AUTHENTICATE a b", "512 Too many arguments to AUTHENTICATE.");
  check_refused (self, "AUTHENTICATE a=b", "512 AUTHENTICATE does not accept keyword arguments.");
  check_refused (self, "AUTHENTICATE \"x", "512 Bad arguments to AUTHENTICATE: Cannot parse keyword argument(s)");

  fixture_stop (self);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* A cookie that somebody else has put there since is not ours to remove. */
static void
test_cookie_replaced (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *path = g_build_filename (self->folder, "elsewhere", NULL);

  fake_host_set_option (&self->words.host, "cookie-authentication", "1", NULL);
  fake_host_set_option (&self->words.host, "cookie-auth-file", path, NULL);
  fixture_start (self);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_set_contents (path, "of another daemon", -1, NULL));
  fixture_stop (self);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* The numbers are from Python's hmac: cookie and our nonce of 0x55, the controller's "abc" or 00. */
static void
test_safecookie (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char abc[] = "250 AUTHCHALLENGE SERVERHASH=C5A432F0865792A6FDD7CA01B6C1C61F6756CE179BC5290C98ACDF873BA41CE9 "
                            "SERVERNONCE=" COOKIE;
  static const char zero[] = "250 AUTHCHALLENGE SERVERHASH=7D45849848BAC5F70B1DB607CF91A63D63ADEDBE214C1A0BAFA011995C2CA262 "
                            "SERVERNONCE=" COOKIE;
  Client *client;

  fake_host_set_option (&self->words.host, "cookie-authentication", "1", NULL);
  fixture_start (self);
  client = client_new (self, NULL);
  client_check (client, "AUTHCHALLENGE safecookie \"abc\"", abc);
  client_check (client, "AUTHENTICATE 8705A77C2B4F8CCE66D12F78849CCD54949ADD8853836142DA36602CEADDBA89", "250 OK");
  client_check (client, "GETINFO dormant", "250-dormant=0\n250 OK");
  client_free (client);

  client = client_new (self, NULL);
  client_check (client, "AUTHCHALLENGE SAFECOOKIE 00", zero);
  /* The cookie itself does not count any more. */
  client_check_closed (client, "AUTHENTICATE " COOKIE,
                       "515 Authentication failed: Safe cookie response did not match expected value.");
  client_free (client);

  client = client_new (self, NULL);
  client_check (client, "AUTHCHALLENGE SAFECOOKIE 00", zero);
  client_check_closed (client, "AUTHENTICATE 00", "515 Authentication failed: Wrong length for safe cookie response.");
  client_free (client);

  client = client_new (self, NULL);
  client_check (client, "AUTHCHALLENGE SAFECOOKIE 00", zero);
  client_check_closed (client, "AUTHCHALLENGE SAFECOOKIE 00", "514 Authentication required.");
  client_free (client);

  check_refused (self, "AUTHCHALLENGE", "512 Bad arguments to AUTHCHALLENGE: Need at least 1 argument(s)");
  check_refused (self, "AUTHCHALLENGE x 00", "513 AUTHCHALLENGE only supports SAFECOOKIE authentication");
  check_refused (self, "AUTHCHALLENGE SAFECOOKIE", "512 Wrong number of arguments for AUTHCHALLENGE");
  check_refused (self, "AUTHCHALLENGE SAFECOOKIE 00 00", "512 Wrong number of arguments for AUTHCHALLENGE");
  check_refused (self, "AUTHCHALLENGE SAFECOOKIE zz", "513 Invalid base16 client nonce");
}

static void
test_password (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  static const char wrong[] = "515 Authentication failed: Password did not match HashedControlPassword value from "
                              "configuration";
  Client *client;

  fake_host_set_option (&self->words.host, "hashed-password",
                        "16:8F62E31DD6A359AB60368D671401E5D67CDFB3497A9AC2D56A50AD68F3", FOO, NULL);
  fixture_start (self);
  client = client_new (self, NULL);
  client_check (client, "PROTOCOLINFO", "250-PROTOCOLINFO 1\n250-AUTH METHODS=HASHEDPASSWORD\n"
                                        "250-VERSION Tor=\"0.4.9.11 (Cepa-0.1.0)\"\n250 OK");
  client_check (client, "AUTHENTICATE \"foo\"", "250 OK");
  client_free (client);
  client = client_new (self, NULL);
  client_check (client, "AUTHENTICATE 666f6f", "250 OK");
  client_free (client);
  /* Of the empty password. */
  client = client_new (self, NULL);
  client_check (client, "AUTHENTICATE", "250 OK");
  client_free (client);
  check_refused (self, "AUTHENTICATE \"bar\"", wrong);
  check_refused (self, "AUTHCHALLENGE SAFECOOKIE 00", "515 Cookie authentication is disabled");
  g_assert_null (strstr (self->words.host.log->str, "foo"));
  g_assert_null (strstr (self->words.host.log->str, "bar"));
}

static void
test_both (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  Client *client;

  fake_host_set_option (&self->words.host, "hashed-password", FOO, NULL);
  fake_host_set_option (&self->words.host, "cookie-authentication", "1", NULL);
  fixture_start (self);
  client = client_new (self, NULL);
  client_check (client, "AUTHENTICATE \"foo\"", "250 OK");
  client_free (client);
  client = client_new (self, NULL);
  client_check (client, "AUTHENTICATE " COOKIE, "250 OK");
  client_free (client);
  check_refused (self, "AUTHENTICATE \"bar\"", "515 Authentication failed: Password did not match "
                                               "HashedControlPassword *or* authentication cookie.");
}

static void
check_no_start (Fixture *self, CepaPluginError code, const char *part)
{
  g_autoptr (GError) error = fixture_try_start (self);

  g_assert_error (error, CEPA_PLUGIN_ERROR, (gint) code);
  if (strstr (error->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, error->message);
}

static void
test_bad_options (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_set_option (&self->words.host, "port", "auto", NULL);
  fake_host_set_option (&self->words.host, "hashed-password", FOO, "secret", NULL);
  check_no_start (self, CEPA_PLUGIN_ERROR_INVALID, "value 2 of the option hashed-password");
  fake_host_set_option (&self->words.host, "hashed-password", NULL);
  fake_host_set_option (&self->words.host, "port", "auto", "nonsense", NULL);
  check_no_start (self, CEPA_PLUGIN_ERROR_INVALID, "\"nonsense\"");
  fake_host_set_option (&self->words.host, "port", "0.0.0.0:auto", NULL);
  check_no_start (self, CEPA_PLUGIN_ERROR_INVALID, "can be reached by others");
  fake_host_set_option (&self->words.host, "port", "auto", NULL);
  fake_host_set_option (&self->words.host, "cookie-authentication", "1", NULL);
  fake_host_set_option (&self->words.host, "cookie-auth-file", "/nowhere/at/all", NULL);
  check_no_start (self, CEPA_PLUGIN_ERROR_FILE, "/nowhere/at/all");
  self->words.host.base.random = NULL;
  check_no_start (self, CEPA_PLUGIN_ERROR_UNSUPPORTED, "no randomness");
}

/* Others may connect where they have to authenticate. */
static void
test_open_to_others (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  fake_host_set_option (&self->words.host, "port", "0.0.0.0:auto", NULL);
  fake_host_set_option (&self->words.host, "hashed-password", FOO, NULL);
  fixture_start (self);
  g_assert_nonnull (strstr (self->words.host.log->str, "nothing there is encrypted"));
}

static void
test_places (Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
  g_autofree char *first = g_build_filename (self->folder, "first", NULL);
  g_autofree char *second = g_build_filename (self->folder, "second", NULL);
  g_autofree char *list = g_build_filename (self->folder, "list", NULL);
  g_autofree char *value = g_strdup_printf ("unix:%s GroupWritable", first);
  g_autofree char *all = NULL, *written = NULL, *wanted = NULL, *taken = NULL;
  g_auto (GStrv) places = NULL;
  struct stat info;
  Client *client;

  fake_host_set_option (&self->words.host, "port", "auto", value, "0", "[::1]:auto", NULL);
  fake_host_set_option (&self->words.host, "socket", second, "0", NULL);
  fake_host_set_option (&self->words.host, "port-write-to-file", list, NULL);
  fixture_start (self);
  all = cepa_tor_control_list_addresses (self->control);
  places = g_strsplit (all, "\n", -1);
  g_assert_cmpuint (g_strv_length (places), ==, 4);
  g_assert_true (g_file_get_contents (list, &written, NULL, NULL));
  wanted = g_strdup_printf ("PORT=%s\nUNIX_PORT=%s\nPORT=%s\nUNIX_PORT=%s\n", places[0], first, places[2], second);
  g_assert_cmpstr (written, ==, wanted);
  g_assert_cmpint (stat (first, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0660);
  g_assert_cmpint (stat (second, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
  for (guint i = 0; i < 4; i++)
    {
      client = client_new (self, places[i]);
      client_check (client, "AUTHENTICATE", "250 OK");
      client_free (client);
    }
  fixture_stop (self);

  /* One that is in use is not taken over; one that nobody listens at is. */
  taken = g_strdup_printf ("unix:%s", first);
  fake_host_set_option (&self->words.host, "port", taken, taken, NULL);
  fake_host_set_option (&self->words.host, "socket", NULL);
  fake_host_set_option (&self->words.host, "port-write-to-file", NULL);
  check_no_start (self, CEPA_PLUGIN_ERROR_NETWORK, "another process listens");
  g_assert_false (g_file_test (first, G_FILE_TEST_EXISTS));
  {
    g_autoptr (GSocket) dead = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                                             NULL);
    g_autoptr (GSocketAddress) address = g_unix_socket_address_new (first);

    g_assert_true (g_socket_bind (dead, address, FALSE, NULL));
  }
  fake_host_set_option (&self->words.host, "port", taken, NULL);
  fixture_start (self);
  fixture_stop (self);
  g_assert_true (g_file_set_contents (first, "a file", -1, NULL));
  check_no_start (self, CEPA_PLUGIN_ERROR_FILE, "no socket");
  g_assert_cmpint (g_unlink (first), ==, 0);
  g_assert_cmpint (g_chmod (self->folder, 0770), ==, 0);
  check_no_start (self, CEPA_PLUGIN_ERROR_FILE, "others can write");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/control-tor/" name, Fixture, NULL, set_up_world, func, fixture_tear_down)
  ADD ("null", test_null);
  ADD ("before", test_before);
  ADD ("cookie", test_cookie);
  ADD ("cookie-replaced", test_cookie_replaced);
  ADD ("safecookie", test_safecookie);
  ADD ("password", test_password);
  ADD ("both", test_both);
  ADD ("bad-options", test_bad_options);
  ADD ("open-to-others", test_open_to_others);
  ADD ("places", test_places);
  return g_test_run ();
}
