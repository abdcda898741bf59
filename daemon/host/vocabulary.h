/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary: what the daemon can be asked, told and watched. data/org.cepa.Cepa1.xml is its source; the words are
   in words-*.c; control plugins get it through control.c. Only for the protocol thread. */
#pragma once

#include <cepa/control.h>
#include <glib.h>

#include "channel/pool.h"
#include "config/command-line.h"
#include "directory/directory.h"
#include "host/host.h"
#include "host/relays.h"
#include "path/circuits-watch.h"
#include "path/circuits.h"
#include "path/guards.h"
#include "proxy/proxy.h"

G_BEGIN_DECLS

typedef struct _CepaEvent CepaEvent; /* <cepa/event.h> */
typedef struct _CepaHostVocabulary CepaHostVocabulary;

/**
 * CepaVocabularyClient:
 * @version: the daemon's
 * @config_file: (nullable): the torrc
 * @start_time_s: seconds since 1970
 * @console: what the command line says of the log without Log lines
 * @shutdown: (nullable): the daemon is to end
 *
 * What the words are about. Everything outlives its being set; what is not there yet is NULL.
 */
typedef struct
{
  const char *version;
  const char *config_file;
  gint64 start_time_s;
  CepaConsole console;
  const CepaConfig *config;
  CepaBootstrap *bootstrap;
  CepaSkew *skew;
  CepaDirectory *directory;
  CepaCircuits *circuits;
  CepaDormancy *dormancy;
  CepaGuards *guards;
  CepaProxy *proxy;
  CepaChannelPool *channels;
  CepaHostRelays *relays;
  void (*shutdown) (gpointer user_data);
  gpointer user_data;
} CepaVocabularyClient;

/* @host: (nullable): outlives the vocabulary, and its metrics tell it of events; without it there are no plugins. */
CepaHostVocabulary *cepa_host_vocabulary_new (CepaPluginHost *host);
void cepa_host_vocabulary_free (CepaHostVocabulary *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaHostVocabulary, cepa_host_vocabulary_free)

/* Returns: (transfer none): the host's own, which it makes and frees. In host.c. */
CepaHostVocabulary *cepa_host_get_vocabulary (CepaPluginHost *host);

/* @client: (nullable): copied; NULL when the client is about to go. */
void cepa_host_vocabulary_set_client (CepaHostVocabulary *self, const CepaVocabularyClient *client);

/* ---- for those to whom things happen ---- */

/* A CepaHostListenFunc: @self: (type CepaHostVocabulary) */
void cepa_host_vocabulary_event (gpointer self, const CepaEvent *event, gpointer object, const GError *reason);
void cepa_host_vocabulary_guard_event (CepaHostVocabulary *self, CepaGuardEvent event, const CepaGuardInfo *guard);
void cepa_host_vocabulary_network_changed (CepaHostVocabulary *self);

/* @rows: (element-type guint32): of @network, whose server descriptors have come */
void cepa_host_vocabulary_relays_described (CepaHostVocabulary *self, const CepaNetwork *network, const GArray *rows);
void cepa_host_vocabulary_plugin_changed (CepaHostVocabulary *self, CepaHostPlugin *plugin);

void cepa_host_vocabulary_dormant_changed (CepaHostVocabulary *self, gboolean is_dormant);

/* @jump_s: how far forward; negative: back */
void cepa_host_vocabulary_clock_jumped (CepaHostVocabulary *self, gint64 jump_s);

/* Whether somebody has subscribed: ask before @args of an emission are made. One branch when nobody has to anything. */
gboolean cepa_host_vocabulary_has_listener (const CepaHostVocabulary *self, const char *interface_name,
                                            const char *signal);

/* @args: (transfer floating) (nullable): a tuple as the XML says; NULL for none. A listener may subscribe, unsubscribe
   and call meanwhile; such calls are made in the next turn of the loop, since the core may be in the middle of
   something. */
void cepa_host_vocabulary_emit (CepaHostVocabulary *self, const char *interface_name, const char *signal,
                                GVariant *args);

/* ---- for front ends: as the members of CepaVocabulary (<cepa/control.h>) ---- */

/* @owner: (not nullable): on whose behalf; see cepa_host_vocabulary_drop(). */
const char *cepa_host_vocabulary_describe (void);
GVariant *cepa_host_vocabulary_get (CepaHostVocabulary *self, const char *interface_name, const char *property,
                                    GError **error);
void cepa_host_vocabulary_call (CepaHostVocabulary *self, gconstpointer owner, const char *interface_name,
                                const char *method, GVariant *args, CepaReplyFunc func, gpointer user_data);
guint64 cepa_host_vocabulary_subscribe (CepaHostVocabulary *self, gconstpointer owner, const char *interface_name,
                                        const char *signal, CepaSignalFunc func, gpointer user_data);
void cepa_host_vocabulary_unsubscribe (CepaHostVocabulary *self, gconstpointer owner, guint64 subscription);

/* Ends the subscriptions of @owner; replies that are still to come for it are dropped. */
void cepa_host_vocabulary_drop (CepaHostVocabulary *self, gconstpointer owner);

G_END_DECLS
