/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

G_DEFINE_QUARK (cepa-error-quark, cepa_error)

static const char *const error_names[] = {
  [CEPA_ERROR_INTERNAL] = "internal",
  [CEPA_ERROR_CONFIG] = "config",
  [CEPA_ERROR_FILE] = "file",
  [CEPA_ERROR_NETWORK_DOWN] = "network-down",
  [CEPA_ERROR_CLOCK_SKEW] = "clock-skew",
  [CEPA_ERROR_PROTOCOL] = "protocol",
  [CEPA_ERROR_IDENTITY] = "identity",
  [CEPA_ERROR_BAD_DOCUMENT] = "bad-document",
  [CEPA_ERROR_BAD_SIGNATURE] = "bad-signature",
  [CEPA_ERROR_EXPIRED] = "expired",
  [CEPA_ERROR_NOT_FOUND] = "not-found",
  [CEPA_ERROR_NO_PATH] = "no-path",
  [CEPA_ERROR_REMOTE_REFUSED] = "remote-refused",
  [CEPA_ERROR_RESOLVE_FAILED] = "resolve-failed",
  [CEPA_ERROR_TIMEOUT] = "timeout",
  [CEPA_ERROR_CLOSED] = "closed",
  [CEPA_ERROR_LIMIT] = "limit",
  [CEPA_ERROR_PLUGIN] = "plugin",
  [CEPA_ERROR_CANCELLED] = "cancelled",
};

const char *
cepa_error_kind_to_name (CepaErrorKind kind)
{
  if ((guint) kind >= G_N_ELEMENTS (error_names))
    return "unknown";
  return error_names[kind];
}
