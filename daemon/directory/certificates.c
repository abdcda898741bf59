/* SPDX-License-Identifier: BSD-3-Clause */
/* The authorities' key certificates: those that signatures need are asked for, new ones take the place of older ones. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "directory/parts-private.h"

/* Servers that may fail to give the certificates that a consensus needs before it is dropped. */
#define CERTIFICATES_MAX_TRIES 3
/* One that has expired is kept for so long: an old consensus may be signed with it. */
#define CERTIFICATES_KEEP_S (2 * 24 * 3600)

static gboolean
certificates_is_authority (const CepaDirectory *self, const guint8 *v3_id)
{
  for (guint i = 0; i < self->config.authorities->len; i++)
    {
      const CepaDirectorySource *authority = g_ptr_array_index (self->config.authorities, i);

      if (authority->is_v3 && memcmp (authority->v3_id, v3_id, sizeof authority->v3_id) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Takes it, in place of an older one for the same key; FALSE when it is of nobody we know or not newer. */
static gboolean
certificates_take_one (CepaDirectory *self, CepaKeyCertificate *certificate)
{
  if (!certificates_is_authority (self, cepa_key_certificate_get_identity (certificate)))
    return FALSE;
  for (guint i = 0; i < self->certificates->len; i++)
    {
      CepaKeyCertificate *have = g_ptr_array_index (self->certificates, i);

      if (memcmp (cepa_key_certificate_get_signing_key_digest (certificate),
                  cepa_key_certificate_get_signing_key_digest (have), 20)
          != 0)
        continue;
      if (cepa_key_certificate_get_expires_s (certificate) <= cepa_key_certificate_get_expires_s (have))
        return FALSE;
      g_ptr_array_remove_index (self->certificates, i);
      break;
    }
  g_ptr_array_add (self->certificates, cepa_key_certificate_ref (certificate));
  return TRUE;
}

static void
certificates_drop_expired (CepaDirectory *self)
{
  gint64 now = cepa_clock_wall_s (self->clock);

  for (guint i = self->certificates->len; i-- > 0;)
    if (cepa_key_certificate_get_expires_s (g_ptr_array_index (self->certificates, i)) + CERTIFICATES_KEEP_S < now)
      g_ptr_array_remove_index (self->certificates, i);
}

static void
certificates_store (CepaDirectory *self)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GBytes) content = NULL;

  for (guint i = 0; i < self->certificates->len; i++)
    {
      GBytes *text = cepa_key_certificate_get_text (g_ptr_array_index (self->certificates, i));

      g_byte_array_append (all, g_bytes_get_data (text, NULL), (guint) g_bytes_get_size (text));
    }
  content = g_byte_array_free_to_bytes (g_steal_pointer (&all));
  cepa_cache_write (self->cache, CEPA_CACHE_CERTS, content);
}

void
cepa_directory_want_certificates (CepaDirectory *self, GArray *ids)
{
  g_clear_pointer (&self->missing_certificates, g_array_unref);
  self->missing_certificates = ids;
  self->cert_tries = 0;
  cepa_backoff_reset (&self->backoff[CEPA_DIRECTORY_CERTIFICATES], 0);
}

/* When several servers do not have them, the consensus that needs them may be made up; one that others have signed well
   enough goes without them until the next. */
void
cepa_directory_certificates_failed (CepaDirectory *self)
{
  cepa_directory_note_failure (self, CEPA_DIRECTORY_CERTIFICATES);
  if (self->missing_certificates == NULL || ++self->cert_tries < CERTIFICATES_MAX_TRIES)
    return;
  if (self->waiting_text != NULL)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN,
              "refused a consensus: %u directory servers do not have the key certificates that its signatures need",
              self->cert_tries);
  cepa_directory_want_certificates (self, NULL);
  if (self->waiting_text == NULL)
    return;
  cepa_servers_note_failure (self->servers, self->waiting->server);
  cepa_directory_note_failure (self, CEPA_DIRECTORY_CONSENSUS);
  cepa_directory_drop_waiting (self);
}

void
cepa_directory_got_certificates (CepaDirectory *self, GBytes *body, const char *origin, const guint8 *server)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) parsed
      = cepa_key_certificates_parse_all (g_bytes_get_data (body, NULL), g_bytes_get_size (body), errors);
  guint n = 0;

  for (guint i = 0; i < errors->len; i++)
    cepa_log (CEPA_LOG_DIR, CEPA_LOG_WARN, "refused a key certificate from %s: %s", origin,
              ((GError *) g_ptr_array_index (errors, i))->message);
  for (guint i = 0; i < parsed->len; i++)
    n += certificates_take_one (self, g_ptr_array_index (parsed, i));
  if (n == 0)
    {
      cepa_servers_note_failure (self->servers, server);
      cepa_directory_certificates_failed (self);
      return;
    }
  certificates_drop_expired (self);
  certificates_store (self);
  cepa_directory_want_certificates (self, NULL);
  cepa_directory_recheck_waiting (self);
}

static gboolean
certificates_ask (CepaDirectory *self)
{
  g_autoptr (GString) resource = g_string_new ("/tor/keys/fp-sk/");

  for (guint i = 0; i < self->missing_certificates->len; i++)
    {
      const CepaKeyCertificateId *id = &g_array_index (self->missing_certificates, CepaKeyCertificateId, i);
      char identity[41], key[41];

      cepa_hex_encode_to (id->identity, sizeof id->identity, identity);
      cepa_hex_encode_to (id->signing_key_digest, sizeof id->signing_key_digest, key);
      g_string_append_printf (resource, "%s%s-%s", i > 0 ? "+" : "", identity, key);
    }
  g_string_append (resource, ".z");
  return cepa_directory_ask (self, CEPA_DIRECTORY_CERTIFICATES, CEPA_SERVERS_CACHE, resource->str, NULL,
                             CEPA_DIRECTORY_MAX_CERTIFICATES, NULL);
}

gint64
cepa_directory_step_certificates (CepaDirectory *self)
{
  gint64 wait = self->backoff[CEPA_DIRECTORY_CERTIFICATES].due_us - cepa_clock_monotonic_us (self->clock);

  if (self->missing_certificates == NULL || self->config.fetches_nothing
      || cepa_directory_count_requests (self, CEPA_DIRECTORY_CERTIFICATES) > 0 || self->n_arrivals > 0)
    return CEPA_DIRECTORY_NEVER;
  if (wait > 0)
    return wait;
  if (certificates_ask (self))
    return CEPA_DIRECTORY_NEVER;
  cepa_directory_note_failure (self, CEPA_DIRECTORY_CERTIFICATES);
  return self->backoff[CEPA_DIRECTORY_CERTIFICATES].delay_us;
}
