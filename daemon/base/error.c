/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

G_DEFINE_QUARK (cepa-error-quark, cepa_error)
