/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory's requests: whom they go to, how they end. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "directory/parts-private.h"

#define REQUESTS_BUSY 503

guint
cepa_directory_count_requests (const CepaDirectory *self, CepaDirectoryKind kind)
{
  guint n = 0;

  for (guint i = 0; i < self->requests->len; i++)
    n += ((CepaDirectoryRequest *) g_ptr_array_index (self->requests, i))->kind == kind;
  return n;
}

/* Takes it off the list; the fetch is gone, or about to be. */
static void
requests_free (CepaDirectoryRequest *request, CepaDirectoryGuardOutcome outcome)
{
  const CepaDirectoryGuards *guards = request->directory->guards;

  g_ptr_array_remove_fast (request->directory->requests, request);
  if (request->ticket != NULL)
    guards->done (guards->user_data, request->ticket, outcome);
  cepa_directory_await (request->directory, request->digests, FALSE);
  g_clear_pointer (&request->digests, g_bytes_unref);
  g_free (request);
}

void
cepa_directory_cancel_requests (CepaDirectory *self, CepaDirectoryKind kind)
{
  for (guint i = self->requests->len; i-- > 0;)
    {
      CepaDirectoryRequest *request = g_ptr_array_index (self->requests, i);
      CepaFetch *fetch = request->fetch;

      if (kind != CEPA_DIRECTORY_N_KINDS && request->kind != kind)
        continue;
      requests_free (request, CEPA_DIRECTORY_GUARD_LEFT);
      cepa_fetch_cancel (fetch);
    }
}

/* The Date of an answer against our clock when it began. */
static void
requests_note_date (CepaDirectory *self, const CepaChannelTarget *server, gint64 date_s, gint64 answer_s)
{
  g_autofree char *described = NULL, *who = NULL;
  const char *address;

  if (date_s == 0 || answer_s == 0)
    return;
  described = cepa_channel_target_describe (server);
  who = g_strdup_printf ("the directory server %s", described);
  address = strrchr (described, ' ');
  cepa_skew_note (self->skew, CEPA_SKEW_DIRSERV, server->rsa_id, address != NULL ? address + 1 : described, who,
                  answer_s - date_s, cepa_servers_is_authority (self->servers, server->rsa_id));
}

static void
requests_answered (CepaDirectory *self, CepaDirectoryKind kind, const CepaHttpResponse *response,
                   const CepaChannelTarget *server, GBytes *digests)
{
  g_autofree char *origin = cepa_channel_target_describe (server);

  if (kind == CEPA_DIRECTORY_CONSENSUS)
    cepa_directory_got_consensus (self, response->body, server->rsa_id, origin);
  else if (kind == CEPA_DIRECTORY_CERTIFICATES)
    cepa_directory_got_certificates (self, response->body, origin, server->rsa_id);
  else if (self->network != NULL)
    cepa_directory_got_descriptors (self, response->body, origin, server->rsa_id, digests);
}

/* It has no answer, or none that is of use. */
static void
requests_failed (CepaDirectory *self, CepaDirectoryKind kind, const CepaHttpResponse *response,
                 const CepaChannelTarget *server)
{
  gboolean is_not_newer = response != NULL && response->status == 304 && self->is_live;

  if (response != NULL && response->status == REQUESTS_BUSY)
    cepa_servers_note_busy (self->servers, server->rsa_id);
  else if (response != NULL && response->status == 404 && kind == CEPA_DIRECTORY_DESCRIPTORS)
    cepa_servers_note_outdated (self->servers, server->rsa_id);
  else if (!is_not_newer) /* ours is the newest: nobody's fault; ask again a little later */
    cepa_servers_note_failure (self->servers, server->rsa_id);
  if (kind == CEPA_DIRECTORY_CERTIFICATES)
    cepa_directory_certificates_failed (self);
  else
    cepa_directory_note_failure (self, kind);
}

static void
requests_done (gpointer user_data, CepaFetch *fetch, const CepaHttpResponse *response, const GError *error)
{
  CepaDirectoryRequest *request = user_data;
  CepaDirectory *self = request->directory;
  CepaDirectoryKind kind = request->kind;
  const CepaChannelTarget *server = &cepa_fetch_get_server (fetch)->target;
  g_autofree char *who = cepa_channel_target_describe (server);
  g_autoptr (GBytes) digests = request->digests != NULL ? g_bytes_ref (request->digests) : NULL;
  gint64 answer_s = request->answer_s;

  self->totals->bytes_received += cepa_fetch_get_received (fetch);
  requests_free (request, response != NULL ? CEPA_DIRECTORY_GUARD_ANSWERED : CEPA_DIRECTORY_GUARD_FAILED);
  if (response != NULL)
    requests_note_date (self, server, response->date_s, answer_s);
  if (response != NULL && response->status == 200)
    requests_answered (self, kind, response, server, digests);
  else
    {
      if (response != NULL)
        cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "%s answers %u for %.80s", who, response->status,
                  cepa_fetch_get_resource (fetch));
      else
        cepa_log (CEPA_LOG_DIR, CEPA_LOG_INFO, "asking %s failed: %s", who, error->message);
      requests_failed (self, kind, response, server);
    }
  cepa_directory_wake (self);
}

static void
requests_progress (gpointer user_data, G_GNUC_UNUSED CepaFetch *fetch, CepaFetchStage stage)
{
  static const CepaBootstrapPhase phases[][2] = {
    [CEPA_DIRECTORY_CONSENSUS] = { CEPA_BOOTSTRAP_REQUESTING_STATUS, CEPA_BOOTSTRAP_LOADING_STATUS },
    [CEPA_DIRECTORY_CERTIFICATES] = { CEPA_BOOTSTRAP_LOADING_KEYS, CEPA_BOOTSTRAP_LOADING_KEYS },
    [CEPA_DIRECTORY_DESCRIPTORS] = { CEPA_BOOTSTRAP_REQUESTING_DESCRIPTORS, CEPA_BOOTSTRAP_LOADING_DESCRIPTORS },
  };
  CepaDirectoryRequest *request = user_data;

  request->is_asked = TRUE;
  if (stage == CEPA_FETCH_ANSWERING)
    request->answer_s = cepa_clock_wall_s (request->directory->clock);
  cepa_directory_reach (request->directory, phases[request->kind][stage], 0);
}

/* Whom requests of this kind are under way to: the next goes to somebody else. */
static GArray *
requests_list_asked (const CepaDirectory *self, CepaDirectoryKind kind)
{
  GArray *asked = g_array_new (FALSE, FALSE, 20);

  for (guint i = 0; i < self->requests->len; i++)
    {
      const CepaDirectoryRequest *request = g_ptr_array_index (self->requests, i);

      if (request->kind == kind)
        g_array_append_vals (asked, request->server, 1);
    }
  return asked;
}

gboolean
cepa_directory_ask (CepaDirectory *self, CepaDirectoryKind kind, CepaServersKind whom, const char *resource,
                    const char *headers, gsize max_size, GBytes *digests)
{
  static const CepaFetchFuncs funcs = { requests_progress, requests_done };
  g_autoptr (GArray) asked = requests_list_asked (self, kind);
  /* Whoever has a consensus has the certificates that go with it. */
  const gboolean has_hint = kind == CEPA_DIRECTORY_CERTIFICATES && self->waiting != NULL;
  const CepaServersWish wish
      = { whom, self->is_live ? self->network : NULL, kind == CEPA_DIRECTORY_DESCRIPTORS, asked,
          has_hint ? self->waiting->server : NULL };
  CepaDirectoryRequest *request;
  CepaCircuitHop server;
  gboolean is_guard;

  if (!cepa_servers_choose (self->servers, &wish, &server, &is_guard))
    {
      g_clear_pointer (&digests, g_bytes_unref);
      return FALSE;
    }
  request = g_new0 (CepaDirectoryRequest, 1);
  request->kind = kind;
  request->directory = self;
  memcpy (request->server, server.target.rsa_id, sizeof request->server);
  request->digests = digests;
  cepa_directory_await (self, digests, TRUE);
  if (is_guard)
    request->ticket = self->guards->used (self->guards->user_data, server.target.rsa_id);
  g_ptr_array_add (self->requests, request);
  self->totals->requests[kind]++;
  request->fetch = cepa_fetch_new (self->context, self->channels, self->random,
                                   cepa_directory_draw_circuit_number (self), &server, resource, headers, max_size,
                                   &funcs, request);
  return TRUE;
}
