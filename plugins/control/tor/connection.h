/* SPDX-License-Identifier: BSD-3-Clause */
/* One controller: its socket, what it may do, the command that is being answered. */
#pragma once

#include "command.h"
#include "control.h"

G_BEGIN_DECLS

/* What waits to be read by the controller: no further command is taken above this. */
#define CEPA_TOR_OUTPUT_HIGH (256 * 1024)

/* Events that wait; a controller that leaves more unread is closed. */
#define CEPA_TOR_MAX_EVENTS (16 * 1024 * 1024)

/* Longest answer to one command. */
#define CEPA_TOR_MAX_ANSWER (64 * 1024 * 1024)

typedef struct _CepaTorQuery CepaTorQuery;

struct _CepaTorConnection
{
  guint refs;
  CepaTorControl *control;
  GSocket *socket;        /* (nullable): NULL when it is closed */
  uint64_t watch, timer;
  CepaTorInput input;
  GString *output;
  gsize sent;             /* of the output */
  GString *events;        /* for behind the answer that is being made */
  gsize n_event_bytes;    /* since there was nothing to send */
  guint64 event_mask;     /* CepaTorEvent, as bits */
  gboolean overflow;      /* too many events were left unread */
  CepaTorQuery *query;    /* (nullable): the one that is being answered */
  guint8 *wanted;         /* (nullable): answer to the challenge, CEPA_TOR_HMAC_LEN */
  gboolean authenticated, told_protocol, owning;
  gboolean busy;          /* a command has been taken and not answered */
  gboolean processing;    /* commands are being taken, further up on the stack */
  gboolean ended;         /* nothing more comes from the controller */
  gboolean closing;       /* nothing is taken any more; closed when all is sent */
};

/* @socket: (transfer full): not blocking. It is in the list of @control, which has the one reference. */
void cepa_tor_connection_open (CepaTorControl *control, GSocket *socket);
void cepa_tor_connection_unref (CepaTorConnection *self);

/* Closes at once. The list's reference goes. */
void cepa_tor_connection_close (CepaTorConnection *self);

/* Takes no further command, and closes when what it was told is sent. */
void cepa_tor_connection_finish (CepaTorConnection *self);

/* Adds to the answer: a line that is not the last. */
void cepa_tor_connection_line (CepaTorConnection *self, guint code, const char *text);

/* Ends the answer with @format, and goes on with the next command. */
void cepa_tor_connection_reply (CepaTorConnection *self, guint code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Ends the answer with what @text says: whole lines. */
void cepa_tor_connection_reply_lines (CepaTorConnection *self, const char *text, gsize len);

/* Adds an event, whole lines, for the other function, which sends them, or closes when there were too many. */
void cepa_tor_connection_add_event (CepaTorConnection *self, const char *text, gsize len);
void cepa_tor_connection_flush_events (CepaTorConnection *self);

/* Goes on with the query in the next turn of the loop. */
void cepa_tor_connection_yield (CepaTorConnection *self);

typedef void (*CepaTorConnectionFunc) (CepaTorConnection *self, gpointer data, GVariant *result, const GError *error);

/**
 * cepa_tor_connection_call:
 * @func: called unless the connection has been closed by then
 * @data: (transfer full): for @func
 *
 * Calls a method of the vocabulary to answer the command.
 */
void cepa_tor_connection_call (CepaTorConnection *self, const char *interface_name, const char *method, GVariant *args,
                               CepaTorConnectionFunc func, gpointer data, GDestroyNotify destroy);

/* Sends as much as there is room for. */
void cepa_tor_connection_flush (CepaTorConnection *self);

/* Whether all has been sent. */
gboolean cepa_tor_connection_is_flushed (const CepaTorConnection *self);

G_END_DECLS
