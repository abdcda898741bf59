/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO and GETCONF: many questions in one command. */
#include "query.h"

#include <string.h>

#include "text.h"

/* Steps in one turn of the loop. The dearest, a microdescriptor that is looked for in all of them, takes half a millisecond. */
#define TOR_QUERY_BATCH 8

void
cepa_tor_query_start (CepaTorConnection *connection, GPtrArray *words, CepaTorQueryFunc ask,
                      const char *unknown_text, gboolean ends_with_ok)
{
  CepaTorQuery *self = g_new0 (CepaTorQuery, 1);

  self->connection = connection;
  self->words = words;
  self->ask = ask;
  self->unknown_text = unknown_text;
  self->ends_with_ok = ends_with_ok;
  self->answers = g_ptr_array_new_with_free_func (g_free);
  self->unknown = g_ptr_array_new_with_free_func (g_free);
  connection->query = self;
  cepa_tor_query_run (self);
}

static void
tor_query_clear_item (CepaTorQuery *self)
{
  g_clear_pointer (&self->list, g_ptr_array_unref);
  g_clear_pointer (&self->relays, g_variant_unref);
  if (self->text != NULL)
    g_string_free (g_steal_pointer (&self->text), TRUE);
  self->at = 0;
}

void
cepa_tor_query_free (CepaTorQuery *self)
{
  tor_query_clear_item (self);
  g_ptr_array_unref (self->words);
  g_ptr_array_unref (self->answers);
  g_ptr_array_unref (self->unknown);
  g_free (self);
}

const char *
cepa_tor_query_word (const CepaTorQuery *self)
{
  return self->words->pdata[self->index];
}

/* An answer of several lines is data: "250+key=", the lines, ".". */
static void
tor_query_append_answer (GString *out, const char *text, gboolean last)
{
  const char *equals = strchr (text, '=');

  if (equals != NULL && strpbrk (equals, "\r\n") != NULL)
    {
      g_string_append (out, "250+");
      g_string_append_len (out, text, equals + 1 - text);
      g_string_append (out, "\r\n");
      cepa_tor_text_append_data (out, equals + 1);
      return;
    }
  g_string_append (out, last ? "250 " : "250-");
  cepa_tor_text_append_line (out, text);
  g_string_append (out, "\r\n");
}

static void
tor_query_finish (CepaTorQuery *self)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (guint i = 0; i < self->unknown->len; i++)
    {
      g_string_append (out, i + 1 == self->unknown->len ? "552 " : "552-");
      cepa_tor_text_append_line (out, self->unknown->pdata[i]);
      g_string_append (out, "\r\n");
    }
  for (guint i = 0; i < self->answers->len && self->unknown->len == 0; i++)
    tor_query_append_answer (out, self->answers->pdata[i], !self->ends_with_ok && i + 1 == self->answers->len);
  if (self->unknown->len == 0 && (self->ends_with_ok || self->answers->len == 0))
    g_string_append (out, "250 OK\r\n");
  cepa_tor_connection_reply_lines (self->connection, out->str, out->len);
}

void
cepa_tor_query_run (CepaTorQuery *self)
{
  guint left = TOR_QUERY_BATCH;

  if (self->running)
    return;
  self->running = TRUE;
  while (!self->waiting && self->failure == NULL && self->index < self->words->len && left-- > 0)
    {
      CepaTorQueryFunc func = self->again != NULL ? self->again : self->ask;

      self->again = NULL;
      self->waiting = TRUE;
      func (self);
    }
  self->running = FALSE;
  if (self->waiting)
    return;
  /* The first two free it. */
  if (self->failure != NULL)
    cepa_tor_connection_reply (self->connection, 551, "%s", self->failure);
  else if (self->index == self->words->len)
    tor_query_finish (self);
  else
    cepa_tor_connection_yield (self->connection);
}

void
cepa_tor_query_add (CepaTorQuery *self, const char *key, const char *text)
{
  char *answer = text != NULL ? g_strconcat (key, "=", text, NULL) : g_strdup (key);

  self->n_bytes += strlen (answer);
  g_ptr_array_add (self->answers, answer);
}

void
cepa_tor_query_next (CepaTorQuery *self)
{
  tor_query_clear_item (self);
  if (self->n_bytes > CEPA_TOR_MAX_ANSWER)
    {
      cepa_tor_query_fail (self, "The answer is too long; ask for less at once");
      return;
    }
  self->index++;
  self->waiting = FALSE;
  cepa_tor_query_run (self);
}

void
cepa_tor_query_answer (CepaTorQuery *self, const char *text)
{
  g_autofree char *key = cepa_tor_text_echo (cepa_tor_query_word (self));

  cepa_tor_query_add (self, key, text);
  cepa_tor_query_next (self);
}

void
cepa_tor_query_answer_uint (CepaTorQuery *self, guint64 number)
{
  char text[32];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, number);
  cepa_tor_query_answer (self, text);
}

void
cepa_tor_query_unknown (CepaTorQuery *self, const char *why)
{
  g_autofree char *echo = cepa_tor_text_echo (cepa_tor_query_word (self));
  char *sentence = why != NULL ? g_strdup (why) : g_strconcat (self->unknown_text, " \"", echo, "\"", NULL);

  self->n_bytes += strlen (sentence);
  g_ptr_array_add (self->unknown, sentence);
  cepa_tor_query_next (self);
}

void
cepa_tor_query_fail (CepaTorQuery *self, const char *why)
{
  self->failure = why;
  self->waiting = FALSE;
  cepa_tor_query_run (self);
}

static void
tor_query_on_reply (CepaTorConnection *connection, gpointer data, GVariant *result, const GError *error)
{
  CepaTorQueryReplyFunc *func = data;

  (*func) (connection->query, result, error);
}

void
cepa_tor_query_call (CepaTorQuery *self, const char *interface_name, const char *method, GVariant *args,
                     CepaTorQueryReplyFunc func)
{
  cepa_tor_connection_call (self->connection, interface_name, method, args, tor_query_on_reply,
                            g_memdup2 (&func, sizeof func), g_free);
}

void
cepa_tor_query_again (CepaTorQuery *self, CepaTorQueryFunc func)
{
  self->again = func;
  self->waiting = FALSE;
  cepa_tor_query_run (self);
}
