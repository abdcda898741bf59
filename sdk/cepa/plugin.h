/* SPDX-License-Identifier: BSD-3-Clause */
/* What a plugin exports: one symbol, cepa_plugin_v1. */
#ifndef CEPA_PLUGIN_H
#define CEPA_PLUGIN_H

#include <cepa/control.h>
#include <cepa/host.h>
#include <cepa/metrics.h>
#include <cepa/padding.h>
#include <cepa/path.h>
#include <cepa/transport.h>
#include <cepa/version.h>

G_BEGIN_DECLS

/* What an option's values are. */
typedef enum
{
  CEPA_PLUGIN_OPTION_BOOL = 0, /* 0 or 1 */
  CEPA_PLUGIN_OPTION_INT = 1,  /* decimal, @minimum to @maximum */
  CEPA_PLUGIN_OPTION_TEXT = 2, /* UTF-8 in one line; one of @choices where there are any */
  CEPA_PLUGIN_OPTION_FILE = 3, /* a path; the plugin gets it absolute */
  CEPA_PLUGIN_OPTION_SECRET = 4, /* as TEXT, of passwords: shown to nobody */
} CepaPluginOptionType;

/**
 * CepaPluginOption:
 *
 * An option that users set as "PluginOption path.mine.name value" in the torrc. The host checks values against
 * this before the plugin sees them.
 */
typedef struct
{
  const char *name;           /* [a-z0-9-] */
  uint32_t type;              /* CepaPluginOptionType */
  uint32_t is_list;           /* 1: may be given several times */
  int64_t minimum, maximum;   /* of INT: the least value and the greatest */
  const char *choices;        /* (nullable): of TEXT: "csv|json" */
  const char *default_text;   /* (nullable): as a user would write it, and good for the type; NULL: no value */
  const char *description;    /* whole sentences, for people */
} CepaPluginOption;

/**
 * CepaPlugin:
 *
 * Constant data of the module. @size first: a host reads no further than it reaches. Of the tables at the end one at
 * least is there, and the one that the id names.
 *
 * Beside the module lies a keyfile, NAME.plugin, that the host reads before any code of the plugin runs; sdk/README.md
 * says what is in it. Nobody but root and the user that the daemon runs as may be able to write the module, the
 * keyfile or a directory above them. A loaded module stays until the process ends.
 *
 * Life: create, start, (calls of the kind's table), stop, destroy. After destroy a new instance may be created. Every
 * call is made from the one protocol thread and must come back within milliseconds: no waiting in it.
 */
typedef struct
{
  uint32_t size;                 /* sizeof (CepaPlugin) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */
  const char *id;                /* "path.weighted": kind, dot, name; [a-z0-9-] */
  const char *name;              /* for people */
  const char *licence;           /* SPDX */

  const CepaPluginOption *options; /* (nullable) (array length=n_options) */
  uint32_t n_options;              /* how many of them */
  uint32_t option_stride;          /* sizeof (CepaPluginOption) */

  /**
   * create:
   * @host: services; alive as long as the instance
   *
   * Returns: (transfer full) (nullable): an instance; NULL with an error of CEPA_PLUGIN_ERROR. No files, no sockets,
   * no timers: that is for start.
   */
  void *(*create) (const CepaHost *host, GError **error);

  /**
   * start: (nullable)
   * @task: for cepa_host_complete(), within 10 seconds, now or later
   *
   * Begins to work. Once for an instance. A start that fails is followed by destroy. Without this the instance works
   * once it is created.
   */
  void (*start) (void *self, uint64_t task);

  /**
   * stop: (nullable)
   * @task: for cepa_host_complete(), within 1 second, now or later
   *
   * Ends what start began; also when start has not ended yet, whose task is over with this call, or was never called.
   * Nothing of the kind's table is called afterwards.
   */
  void (*stop) (void *self, uint64_t task);

  /* Frees what create gave, at once; whether or not it was started, stopped, or its stop came to an end. The host's
     table is gone when this has come back. */
  void (*destroy) (void *self);

  const CepaPathTable *path;           /* (nullable): of kind "path" */
  const CepaPaddingTable *padding;     /* (nullable): of kind "padding" */
  const CepaTransportTable *transport; /* (nullable): of kind "transport" */
  const CepaControlTable *control;     /* (nullable): of kind "control" */
  const CepaMetricsTable *metrics;     /* (nullable): of kind "metrics" */
} CepaPlugin;

/* The name of the symbol; a later major has another. */
#define CEPA_PLUGIN_SYMBOL "cepa_plugin_v1"

/* In exactly one file of a plugin: CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = { ... };
   The rest of it is compiled with -fvisibility=hidden. */
#ifdef __cplusplus
#define CEPA_PLUGIN_EXPORT extern "C" __attribute__ ((visibility ("default")))
#else
#define CEPA_PLUGIN_EXPORT __attribute__ ((visibility ("default")))
#endif

G_END_DECLS

#endif
