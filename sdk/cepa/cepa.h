/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that a plugin needs. */
#ifndef CEPA_CEPA_H
#define CEPA_CEPA_H

#include <cepa/control.h>
#include <cepa/error.h>
#include <cepa/host.h>
#include <cepa/loop.h>
#include <cepa/metrics.h>
#include <cepa/network.h>
#include <cepa/padding-event.h>
#include <cepa/padding.h>
#include <cepa/path.h>
#include <cepa/path-request.h>
#include <cepa/plugin.h>
#include <cepa/relay.h>
#include <cepa/services.h>
#include <cepa/side-table.h>
#include <cepa/transport.h>
#include <cepa/types.h>
#include <cepa/version.h>

#endif
