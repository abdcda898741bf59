/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may give commands: whoever knows the cookie or a password; anybody when there is neither. */
#pragma once

#include <cepa/host.h>
#include <glib.h>

#include "secret.h"

G_BEGIN_DECLS

typedef struct _CepaTorAuth CepaTorAuth;

/* Reads the options. Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_INVALID. */
CepaTorAuth *cepa_tor_auth_new (const CepaHost *host, GError **error);
void cepa_tor_auth_free (CepaTorAuth *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTorAuth, cepa_tor_auth_free)

/* Draws the cookie, if one is wanted, and writes its file. Returns: FALSE with an error of CEPA_PLUGIN_ERROR. */
gboolean cepa_tor_auth_open (CepaTorAuth *self, GError **error);

/* Removes the file and wipes the cookie. */
void cepa_tor_auth_close (CepaTorAuth *self);

/* Whether everybody who can connect may give commands. */
gboolean cepa_tor_auth_is_open_to_all (const CepaTorAuth *self);

/* Adds what PROTOCOLINFO says: "METHODS=COOKIE,SAFECOOKIE COOKIEFILE=\"/x\"". */
void cepa_tor_auth_append_methods (const CepaTorAuth *self, GString *out);

gboolean cepa_tor_auth_has_cookie (const CepaTorAuth *self);

/**
 * cepa_tor_auth_check:
 * @quoted: whether it came in quotes; for the sentence
 *
 * Returns: (transfer none) (nullable): NULL when @secret opens the door; otherwise why it does not.
 */
const char *cepa_tor_auth_check (const CepaTorAuth *self, const guint8 *secret, gsize len, gboolean quoted);

/**
 * cepa_tor_auth_challenge:
 * @nonce: (out): of ours, drawn now
 * @proof: (out): that we know the cookie
 * @wanted: (out): what the controller must answer
 *
 * There is a cookie.
 */
void cepa_tor_auth_challenge (const CepaTorAuth *self, const guint8 *client_nonce, gsize client_nonce_len,
                              guint8 nonce[CEPA_TOR_NONCE_LEN], guint8 proof[CEPA_TOR_HMAC_LEN],
                              guint8 wanted[CEPA_TOR_HMAC_LEN]);

G_END_DECLS
