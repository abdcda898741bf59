/* SPDX-License-Identifier: BSD-3-Clause */
/* PROTOCOLINFO, AUTHCHALLENGE, AUTHENTICATE. */
#include <string.h>

#include <cepa/services.h>

#include "commands.h"
#include "getinfo.h"
#include "text.h"

/* Whatever was wrong with it: there is one attempt per connection. */
#define tor_auth_close_with(connection, ...) \
  G_STMT_START \
    { \
      cepa_tor_connection_finish (connection); \
      cepa_tor_connection_reply (connection, __VA_ARGS__); \
    } \
  G_STMT_END

char *
cepa_tor_version (CepaTorControl *control)
{
  g_autoptr (GVariant) version = cepa_tor_get (control, "Client1", "Version", "s");
  GString *out = g_string_new (CEPA_TOR_PROTOCOL_VERSION " (Cepa-");

  cepa_tor_text_append_word (out, version != NULL ? g_variant_get_string (version, NULL) : "unknown");
  g_string_append_c (out, ')');
  return g_string_free (out, FALSE);
}

void
cepa_tor_command_protocolinfo (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);
  g_autoptr (GString) methods = g_string_new ("AUTH ");
  g_autofree char *version = NULL, *line = NULL;

  connection->told_protocol = TRUE;
  for (guint i = 0; i < words->len; i++)
    if (!g_ascii_string_to_unsigned (words->pdata[i], 10, 0, G_MAXUINT32, NULL, NULL))
      {
        g_autofree char *echo = cepa_tor_text_echo (words->pdata[i]);

        if (!connection->authenticated)
          cepa_tor_connection_finish (connection);
        cepa_tor_connection_reply (connection, 513, "No such version \"%s\"", echo);
        return;
      }
  cepa_tor_auth_append_methods (connection->control->auth, methods);
  version = cepa_tor_version (connection->control);
  line = g_strdup_printf ("VERSION Tor=\"%s\"", version);
  cepa_tor_connection_line (connection, 250, "PROTOCOLINFO 1");
  cepa_tor_connection_line (connection, 250, methods->str);
  cepa_tor_connection_line (connection, 250, line);
  cepa_tor_connection_reply (connection, 250, "OK");
}

/* The bytes of an argument: as they are in quotes, otherwise hex. (nullable) */
static guint8 *
tor_auth_decode (const CepaTorCommand *command, const char *value, gsize *len)
{
  if (strchr (command->args, '"') == NULL)
    return cepa_tor_text_unhex (value, len);
  *len = strlen (value);
  return (guint8 *) g_strdup (value);
}

static void
tor_auth_answer_challenge (CepaTorConnection *connection, const guint8 *client_nonce, gsize client_nonce_len)
{
  guint8 nonce[CEPA_TOR_NONCE_LEN], proof[CEPA_TOR_HMAC_LEN];
  g_autoptr (GString) line = g_string_new ("AUTHCHALLENGE SERVERHASH=");

  g_free (connection->wanted);
  connection->wanted = g_malloc (CEPA_TOR_HMAC_LEN);
  cepa_tor_auth_challenge (connection->control->auth, client_nonce, client_nonce_len, nonce, proof,
                           connection->wanted);
  cepa_tor_text_append_hex (line, proof, sizeof proof);
  g_string_append (line, " SERVERNONCE=");
  cepa_tor_text_append_hex (line, nonce, sizeof nonce);
  cepa_tor_connection_reply (connection, 250, "%s", line->str);
}

void
cepa_tor_command_authchallenge (CepaTorConnection *connection, const CepaTorCommand *command)
{
  gsize first = strcspn (command->args, " "), len;
  g_autoptr (GPtrArray) pairs = cepa_tor_command_pairs (command->args + first,
                                                        CEPA_TOR_PAIRS_NO_KEYS | CEPA_TOR_PAIRS_QUOTED);
  const CepaTorPair *pair = pairs != NULL && pairs->len == 1 ? pairs->pdata[0] : NULL;
  g_autofree guint8 *nonce = NULL;

  if (first == 0)
    tor_auth_close_with (connection, 512, "Bad arguments to AUTHCHALLENGE: Need at least 1 argument(s)");
  else if (first != strlen ("SAFECOOKIE") || g_ascii_strncasecmp (command->args, "SAFECOOKIE", first) != 0)
    tor_auth_close_with (connection, 513, "AUTHCHALLENGE only supports SAFECOOKIE authentication");
  else if (!cepa_tor_auth_has_cookie (connection->control->auth))
    tor_auth_close_with (connection, 515, "Cookie authentication is disabled");
  else if (pair == NULL || pair->key != NULL)
    tor_auth_close_with (connection, 512, "Wrong number of arguments for AUTHCHALLENGE");
  else if ((nonce = tor_auth_decode (command, pair->value, &len)) == NULL)
    tor_auth_close_with (connection, 513, "Invalid base16 client nonce");
  else
    tor_auth_answer_challenge (connection, nonce, len);
}

/* After a challenge its answer is all that counts. Returns: (nullable): why @secret does not open the door. */
static const char *
tor_auth_check (CepaTorConnection *connection, const guint8 *secret, gsize len, gboolean quoted)
{
  if (connection->wanted == NULL)
    return cepa_tor_auth_check (connection->control->auth, secret, len, quoted);
  if (len != CEPA_TOR_HMAC_LEN)
    return "Wrong length for safe cookie response.";
  if (!cepa_tor_secret_equal (connection->wanted, secret, len))
    return "Safe cookie response did not match expected value.";
  return NULL;
}

static void
tor_auth_decide (CepaTorConnection *connection, const guint8 *secret, gsize len, gboolean quoted)
{
  const char *why = tor_auth_check (connection, secret, len, quoted);

  if (why != NULL)
    {
      cepa_host_log (connection->control->host, CEPA_HOST_LOG_WARNING,
                     "a controller could not authenticate, and was closed");
      tor_auth_close_with (connection, 515, "Authentication failed: %s", why);
      return;
    }
  connection->authenticated = TRUE;
  g_clear_pointer (&connection->wanted, g_free);
  cepa_tor_connection_reply (connection, 250, "OK");
}

void
cepa_tor_command_authenticate (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) pairs = cepa_tor_command_pairs (command->args,
                                                        CEPA_TOR_PAIRS_NO_KEYS | CEPA_TOR_PAIRS_QUOTED);
  const CepaTorPair *pair = pairs != NULL && pairs->len > 0 ? pairs->pdata[0] : NULL;
  guint8 *secret;
  gsize len = 0;

  if (pairs == NULL)
    tor_auth_close_with (connection, 512, "Bad arguments to AUTHENTICATE: Cannot parse keyword argument(s)");
  else if (pairs->len > 1)
    tor_auth_close_with (connection, 512, "Too many arguments to AUTHENTICATE.");
  else if (pair != NULL && pair->key != NULL)
    tor_auth_close_with (connection, 512, "AUTHENTICATE does not accept keyword arguments.");
  else if ((secret = tor_auth_decode (command, pair != NULL ? pair->value : "", &len)) == NULL)
    tor_auth_close_with (connection, 551, "Invalid hexadecimal encoding. A password in plain text has to be in double "
                                          "quotes.");
  else
    {
      tor_auth_decide (connection, secret, len, strchr (command->args, '"') != NULL);
      explicit_bzero (secret, len);
      g_free (secret);
    }
}
