/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this plugin share. Everything is of the protocol thread, unless it says otherwise. */
#pragma once

#include <gio/gio.h>

#include <cepa/loop.h>
#include <cepa/services.h>

#include "dbus.h"

G_BEGIN_DECLS

#define DBUS_NAME "org.cepa.Cepa1"
#define DBUS_PATH "/org/cepa/Cepa1"
#define DBUS_PREFIX "org.cepa."
#define DBUS_SIGNALS_INTERFACE "org.cepa.Signals1"
/* On the socket: see driver.c. */
#define DBUS_UNIQUE_NAME ":1.0"
#define DBUS_DRIVER_PATH "/org/freedesktop/DBus"
#define DBUS_DRIVER_INTERFACE "org.freedesktop.DBus"

#define DBUS_MAX_PEERS 32
#define DBUS_MAX_SUBSCRIBERS 64 /* on a bus */
#define DBUS_MAX_RULES 256      /* of a peer */
/* Peers that may be authenticating at once: each takes a thread of GIO's pool, which is the daemon's too. */
#define DBUS_MAX_AUTHENTICATING 4
#define DBUS_AUTHENTICATION_US (2 * G_USEC_PER_SEC)

/* Calls of one connection whose answers have not begun to be written. */
#define DBUS_MAX_CALLS 256

/* Bytes that wait for one connection, and for all. The list of 10,000 relays is about 4 MiB. */
#define DBUS_MAX_QUEUED (16 * 1024 * 1024)
#define DBUS_MAX_QUEUED_TOTAL (32 * 1024 * 1024)

typedef struct _DbusLink DbusLink;
typedef struct _DbusListener DbusListener;
typedef struct _DbusBus DbusBus;
typedef struct _DbusGauge DbusGauge;
typedef struct _DbusFlush DbusFlush;

/* A signal of the vocabulary. */
typedef struct
{
  CepaDbus *dbus;
  const GDBusInterfaceInfo *interface;
  const GDBusSignalInfo *info;
  gboolean is_rare;      /* for everybody */
  uint64_t subscription; /* in the vocabulary; 0 while nobody wants it */
} DbusSignal;

/* A match rule of a peer. */
typedef struct
{
  char *text;
  guint64 bits;
} DbusRule;

/* Who wants which signals: the peer of a link, or a sender on a bus. */
typedef struct
{
  DbusLink *link;
  char *sender; /* (nullable): NULL for the peer */
  guint watch;  /* of the sender's name */
  guint64 asked; /* bits, by number of the signal */
  GArray *rules; /* of DbusRule: what match rules ask for besides */
} DbusSubscriber;

/* A connection: to a peer of the socket, or to a bus. */
struct _DbusLink
{
  CepaDbus *dbus;
  GDBusConnection *connection;
  DbusGauge *gauge;
  gboolean is_bus;
  gboolean is_over;       /* it is being closed */
  gulong closed_handler;
  guint filter;
  GArray *objects;        /* of guint */
  GPtrArray *subscribers; /* of DbusSubscriber */
};

struct _CepaDbus
{
  const CepaHost *host;
  GPtrArray *links;     /* of DbusLink */
  GList *calls;         /* of DbusCall: those without an answer */
  GArray *signals;      /* of DbusSignal */
  DbusListener *listener;
  DbusBus *bus;
  uint64_t start_task, stop_task; /* 0 for none */
  uint64_t stop_timer, change_timer;
  guint changes;        /* bits, by number in the table of property changes */
  DbusFlush *flush;     /* (nullable): the end */
};

/* (array zero-terminated=1): the interfaces of the object; the last one is Signals1. */
extern const GDBusInterfaceInfo *const dbus_interfaces[];

/* errors.c: registers org.cepa.Error.*; any number of times. */
void dbus_errors_register (void);

/* Returns: (transfer full): @error, which may be NULL, as a peer may get it. */
GError *dbus_error_for_peer (const GError *error);

/* object.c */
gboolean dbus_object_register (DbusLink *link, GError **error);
void dbus_object_forget_link (DbusLink *link);
void dbus_object_answer_all (CepaDbus *self);

/* link.c: @socket: (nullable): NULL for a bus. Returns: (transfer none) (nullable): belongs to @self. */
DbusLink *dbus_link_add (CepaDbus *self, GDBusConnection *connection, GSocket *socket, GError **error);
void dbus_link_remove (DbusLink *link);

/* Queues @message; a link that is closed or does not read loses it. Returns: FALSE when D-Bus cannot carry it. */
gboolean dbus_link_send (DbusLink *link, GDBusMessage *message, GError **error);
void dbus_link_log (CepaDbus *self, CepaHostLogLevel level, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* signals.c */
void dbus_signals_init (CepaDbus *self);
void dbus_signals_clear (CepaDbus *self);
void dbus_signals_update (CepaDbus *self);
gboolean dbus_signals_call (DbusLink *link, const char *sender, const char *method, GVariant *args, GError **error);
/* Match rules of a peer; @interface and @signal may be empty. */
gboolean dbus_signals_add_rule (DbusLink *link, const char *rule, const char *interface, const char *signal,
                                GError **error);
gboolean dbus_signals_remove_rule (DbusLink *link, const char *rule);
void dbus_subscriber_free (DbusSubscriber *self);

/* driver.c. Returns: (transfer floating) (nullable) */
GVariant *dbus_driver_call (DbusLink *link, const char *method, GVariant *args, GError **error);

/* listener.c. Returns: (transfer full) (nullable) */
DbusListener *dbus_listener_new (CepaDbus *self, GError **error);
void dbus_listener_free (DbusListener *self);
const char *dbus_listener_path (const DbusListener *self);

/* path.c. Returns: a listening socket at @path, or -1; @is_taken: (out): somebody else answers there. */
int dbus_path_listen (const char *path, gboolean make_folder, gboolean *is_taken, GError **error);
char *dbus_path_in_runtime_directory (void);

/* bus.c. @ended is called once after dbus_bus_connect(): with the name on the bus, or without. */
typedef void (*DbusBusFunc) (CepaDbus *self, const GError *error);
DbusBus *dbus_bus_new (CepaDbus *self, DbusBusFunc ended);
void dbus_bus_connect (DbusBus *self);
void dbus_bus_free (DbusBus *self);
gboolean dbus_bus_owns_name (const DbusBus *self);
const char *dbus_bus_kind (const DbusBus *self);

G_END_DECLS
