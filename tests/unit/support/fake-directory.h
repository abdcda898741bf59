/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a fake server answer directory requests. */
#pragma once

#include "support/fake-server.h"

G_BEGIN_DECLS

typedef struct _FakeDirectory FakeDirectory;

/**
 * FakeDirectory:
 * @documents: (element-type utf8 GBytes): by the beginning of what is asked for ("/tor/keys/"), the body; the
 *   longest that fits counts; what is not there is answered with 404
 * @requests: (element-type utf8): what was asked for, in order, whole with its headers
 * @takes_over: (nullable): called with a request; TRUE: it has dealt with it
 */
struct _FakeDirectory
{
  GHashTable *documents;
  GPtrArray *requests;
  gboolean (*takes_over) (FakeDirectory *self, FakeLink *link, const FakeCell *request, gpointer user_data);
  gpointer user_data;
};

/* @server: its heard and user_data are the directory's from now on. */
void fake_directory_init (FakeDirectory *self, FakeServer *server);
void fake_directory_clear (FakeDirectory *self);

/* @body goes out with 200 for what begins with @resource; NULL takes it away again. */
void fake_directory_put (FakeDirectory *self, const char *resource, const char *body);

/* How many requests began with @resource. */
guint fake_directory_count (FakeDirectory *self, const char *resource);

/* An answer to @request: @head with its empty line, then @body, then END of the stream. */
void fake_directory_answer (FakeLink *link, const FakeCell *request, const char *head, const void *body, gsize len);

G_END_DECLS
