/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-directory.h"

#include <string.h>

/* A string of up to one cell: requests of these tests are not longer but for lists of microdescriptors, of which the
   beginning is enough. */
static char *
request_text (const FakeCell *request)
{
  return g_strndup ((const char *) request->message.data, request->message.len);
}

void
fake_directory_answer (FakeLink *link, const FakeCell *request, const char *head, const void *body, gsize len)
{
  g_autoptr (GByteArray) answer = g_byte_array_new ();

  g_byte_array_append (answer, (const guint8 *) head, (guint) strlen (head));
  g_byte_array_append (answer, body, (guint) len);
  fake_link_send_data (link, request->circuit_id, request->hop, request->message.stream_id, answer->data,
                       answer->len);
  fake_relay_send_message (link->relay, request->circuit_id, request->hop, CEPA_RELAY_END,
                           request->message.stream_id, "\6", 1, NULL);
}

static GBytes *
directory_find (FakeDirectory *self, const char *resource)
{
  GHashTableIter iter;
  gpointer key, value;
  GBytes *found = NULL;
  gsize best = 0;

  g_hash_table_iter_init (&iter, self->documents);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (g_str_has_prefix (resource, key) && strlen (key) > best)
      {
        best = strlen (key);
        found = value;
      }
  return found;
}

static void
directory_asked (FakeDirectory *self, FakeLink *link, const FakeCell *request)
{
  g_autofree char *text = request_text (request);
  GBytes *body;

  if (!g_str_has_prefix (text, "GET "))
    return; /* the rest of a long list */
  g_ptr_array_add (self->requests, g_strdup (text));
  if (self->takes_over != NULL && self->takes_over (self, link, request, self->user_data))
    return;
  body = directory_find (self, text + 4);
  if (body == NULL)
    fake_directory_answer (link, request, "HTTP/1.0 404 Not found\r\n\r\n", "", 0);
  else
    fake_directory_answer (link, request, "HTTP/1.0 200 OK\r\n\r\n", g_bytes_get_data (body, NULL),
                           g_bytes_get_size (body));
}

static void
directory_heard (FakeLink *link, const FakeCell *cell, gpointer user_data)
{
  if (cell->command != CEPA_CELL_RELAY && cell->command != CEPA_CELL_RELAY_EARLY)
    return;
  if (cell->message.command == CEPA_RELAY_BEGIN_DIR)
    fake_relay_send_message (link->relay, cell->circuit_id, cell->hop, CEPA_RELAY_CONNECTED, cell->message.stream_id,
                             NULL, 0, NULL);
  else if (cell->message.command == CEPA_RELAY_DATA)
    directory_asked (user_data, link, cell);
}

void
fake_directory_init (FakeDirectory *self, FakeServer *server)
{
  memset (self, 0, sizeof *self);
  self->documents = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  self->requests = g_ptr_array_new_with_free_func (g_free);
  server->heard = directory_heard;
  server->user_data = self;
}

void
fake_directory_clear (FakeDirectory *self)
{
  g_hash_table_unref (self->documents);
  g_ptr_array_unref (self->requests);
}

void
fake_directory_put (FakeDirectory *self, const char *resource, const char *body)
{
  if (body == NULL)
    g_hash_table_remove (self->documents, resource);
  else
    g_hash_table_replace (self->documents, g_strdup (resource), g_bytes_new (body, strlen (body)));
}

guint
fake_directory_count (FakeDirectory *self, const char *resource)
{
  guint n = 0;

  for (guint i = 0; i < self->requests->len; i++)
    n += g_str_has_prefix ((const char *) g_ptr_array_index (self->requests, i) + 4, resource);
  return n;
}
