/* SPDX-License-Identifier: BSD-3-Clause */
/* What authentication calculates: hashed passwords, and both answers of SAFECOOKIE. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_TOR_COOKIE_LEN 32
#define CEPA_TOR_NONCE_LEN 32
#define CEPA_TOR_HMAC_LEN 32

/* "16:" and this in hex: salt, how often, SHA-1 (RFC 2440 § 3.6.1.3, iterated and salted). */
#define CEPA_TOR_HASHED_SALT_LEN 8
#define CEPA_TOR_HASHED_LEN (CEPA_TOR_HASHED_SALT_LEN + 1 + 20)

/* Returns: FALSE when @text is not such a hashed password. */
gboolean cepa_tor_hashed_parse (const char *text, guint8 hashed[CEPA_TOR_HASHED_LEN]);

/* Returns: whether @password is the one that was hashed. Constant time in what differs. */
gboolean cepa_tor_hashed_check (const guint8 hashed[CEPA_TOR_HASHED_LEN], const guint8 *password, gsize len);

typedef enum
{
  CEPA_TOR_SAFECOOKIE_SERVER,     /* proves to the controller that we know the cookie */
  CEPA_TOR_SAFECOOKIE_CONTROLLER, /* what the controller must answer */
} CepaTorSafecookie;

/* HMAC-SHA256 of the cookie and both nonces with the key of that side (control-spec: AUTHCHALLENGE). */
void cepa_tor_safecookie (CepaTorSafecookie side, const guint8 cookie[CEPA_TOR_COOKIE_LEN], const guint8 *client_nonce,
                          gsize client_nonce_len, const guint8 server_nonce[CEPA_TOR_NONCE_LEN],
                          guint8 out[CEPA_TOR_HMAC_LEN]);

/* Returns: whether both are the same, in a time that says nothing of where they differ. */
gboolean cepa_tor_secret_equal (const guint8 *a, const guint8 *b, gsize len);

G_END_DECLS
