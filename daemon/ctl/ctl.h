/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: what its commands share. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CEPA_CTL_ERROR (cepa_ctl_error_quark ())

typedef enum
{
  CEPA_CTL_ERROR_FAILED,
  CEPA_CTL_ERROR_USAGE,      /* the command line itself is wrong */
  CEPA_CTL_ERROR_NO_DAEMON,  /* nobody answers */
  CEPA_CTL_ERROR_GONE,       /* it has answered before */
} CepaCtlError;

GQuark cepa_ctl_error_quark (void);

/* What was said on the command line. */
typedef struct
{
  gboolean json, watch;
  char *socket, *bus; /* (nullable) */
} CepaCtlOptions;

/**
 * CepaCtlCommand:
 * @arguments: as the help shows them: "[start|stop|use ID]"
 * @run: @args: (array zero-terminated=1): what stands behind the command's name
 */
typedef struct
{
  const char *name, *arguments, *summary, *description;
  gboolean can_watch;
  gboolean (*run) (const CepaCtlOptions *options, char **args, GError **error);
} CepaCtlCommand;

gboolean cepa_ctl_status (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_circuits (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_streams (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_guards (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_plugins (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_newnym (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_dormant (const CepaCtlOptions *options, char **args, GError **error);
gboolean cepa_ctl_wake (const CepaCtlOptions *options, char **args, GError **error);

/* Fails with CEPA_CTL_ERROR_USAGE when there are any. */
gboolean cepa_ctl_no_arguments (char **args, GError **error);

G_END_DECLS
