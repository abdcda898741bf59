/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may give commands. */
#include "auth.h"

#include <string.h>

#include <cepa/control.h>
#include <cepa/services.h>

#include "file.h"
#include "text.h"

#define TOR_AUTH_COOKIE_NAME "control_auth_cookie"

struct _CepaTorAuth
{
  const CepaHost *host;
  gboolean wants_cookie, has_cookie;
  guint8 cookie[CEPA_TOR_COOKIE_LEN];
  CepaTorFile file;
  GArray *passwords; /* of CEPA_TOR_HASHED_LEN bytes each */
};

CepaTorAuth *
cepa_tor_auth_new (const CepaHost *host, GError **error)
{
  g_autoptr (CepaTorAuth) self = g_new0 (CepaTorAuth, 1);
  const char *const *texts = cepa_host_option (host, "hashed-password");

  self->host = host;
  self->wants_cookie = cepa_host_option_int (host, "cookie-authentication", 0) != 0;
  self->passwords = g_array_new (FALSE, FALSE, CEPA_TOR_HASHED_LEN);
  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    {
      guint8 hashed[CEPA_TOR_HASHED_LEN];

      if (!cepa_tor_hashed_parse (texts[i], hashed))
        {
          g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                       "value %u of the option hashed-password is not \"16:\" and 58 hex digits, as tor "
                       "--hash-password prints", i + 1);
          return NULL;
        }
      g_array_append_vals (self->passwords, hashed, 1);
    }
  return g_steal_pointer (&self);
}

void
cepa_tor_auth_free (CepaTorAuth *self)
{
  cepa_tor_auth_close (self);
  g_clear_pointer (&self->passwords, g_array_unref);
  g_free (self);
}

static char *
tor_auth_find_path (CepaTorAuth *self, GError **error)
{
  const char *path = cepa_host_option_text (self->host, "cookie-auth-file", NULL);
  g_autoptr (GVariant) folder = NULL;

  if (path != NULL)
    return g_strdup (path);
  folder = cepa_vocabulary_get (self->host, "Client1", "DataDirectory", error);
  if (folder == NULL || !g_variant_is_of_type (folder, G_VARIANT_TYPE_STRING))
    {
      g_prefix_error (error, "finding the place of the authentication cookie: ");
      return NULL;
    }
  return g_build_filename (g_variant_get_string (folder, NULL), TOR_AUTH_COOKIE_NAME, NULL);
}

gboolean
cepa_tor_auth_open (CepaTorAuth *self, GError **error)
{
  g_autofree char *path = NULL;

  if (!self->wants_cookie)
    return TRUE;
  if (!CEPA_TABLE_HAS (self->host, CepaHost, random))
    {
      g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                           "this host has no randomness for an authentication cookie");
      return FALSE;
    }
  path = tor_auth_find_path (self, error);
  if (path == NULL)
    return FALSE;
  cepa_host_random (self->host, self->cookie, sizeof self->cookie);
  if (!cepa_tor_file_write (&self->file, path, self->cookie, sizeof self->cookie, error))
    return FALSE;
  self->has_cookie = TRUE;
  return TRUE;
}

void
cepa_tor_auth_close (CepaTorAuth *self)
{
  cepa_tor_file_remove (&self->file);
  explicit_bzero (self->cookie, sizeof self->cookie);
  self->has_cookie = FALSE;
}

gboolean
cepa_tor_auth_is_open_to_all (const CepaTorAuth *self)
{
  return !self->wants_cookie && self->passwords->len == 0;
}

gboolean
cepa_tor_auth_has_cookie (const CepaTorAuth *self)
{
  return self->has_cookie;
}

void
cepa_tor_auth_append_methods (const CepaTorAuth *self, GString *out)
{
  g_string_append (out, "METHODS=");
  if (cepa_tor_auth_is_open_to_all (self))
    g_string_append (out, "NULL");
  if (self->has_cookie)
    g_string_append (out, "COOKIE,SAFECOOKIE");
  if (self->passwords->len > 0)
    g_string_append (out, self->has_cookie ? ",HASHEDPASSWORD" : "HASHEDPASSWORD");
  if (self->has_cookie)
    {
      g_string_append (out, " COOKIEFILE=");
      cepa_tor_text_append_quoted (out, self->file.path);
    }
}

static gboolean
tor_auth_check_passwords (const CepaTorAuth *self, const guint8 *secret, gsize len)
{
  for (guint i = 0; i < self->passwords->len; i++)
    if (cepa_tor_hashed_check ((const guint8 *) self->passwords->data + i * CEPA_TOR_HASHED_LEN, secret, len))
      return TRUE;
  return FALSE;
}

const char *
cepa_tor_auth_check (const CepaTorAuth *self, const guint8 *secret, gsize len, gboolean quoted)
{
  if (cepa_tor_auth_is_open_to_all (self))
    return NULL;
  if (self->has_cookie && len == CEPA_TOR_COOKIE_LEN && cepa_tor_secret_equal (self->cookie, secret, len))
    return NULL;
  if (tor_auth_check_passwords (self, secret, len))
    return NULL;
  if (self->passwords->len == 0)
    return len != CEPA_TOR_COOKIE_LEN ? "Wrong length on authentication cookie."
                                      : "Authentication cookie did not match expected value.";
  if (self->has_cookie)
    return "Password did not match HashedControlPassword *or* authentication cookie.";
  if (quoted)
    return "Password did not match HashedControlPassword value from configuration";
  return "Password did not match HashedControlPassword value from configuration. A password in plain text has to be "
         "in double quotes.";
}

void
cepa_tor_auth_challenge (const CepaTorAuth *self, const guint8 *client_nonce, gsize client_nonce_len,
                         guint8 nonce[CEPA_TOR_NONCE_LEN], guint8 proof[CEPA_TOR_HMAC_LEN],
                         guint8 wanted[CEPA_TOR_HMAC_LEN])
{
  cepa_host_random (self->host, nonce, CEPA_TOR_NONCE_LEN);
  cepa_tor_safecookie (CEPA_TOR_SAFECOOKIE_SERVER, self->cookie, client_nonce, client_nonce_len, nonce, proof);
  cepa_tor_safecookie (CEPA_TOR_SAFECOOKIE_CONTROLLER, self->cookie, client_nonce, client_nonce_len, nonce, wanted);
}
