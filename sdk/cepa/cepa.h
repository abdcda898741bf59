/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that a plugin needs. */
#ifndef CEPA_CEPA_H
#define CEPA_CEPA_H

#include <cepa/host.h>
#include <cepa/network.h>
#include <cepa/path.h>
#include <cepa/plugin.h>
#include <cepa/relay.h>
#include <cepa/version.h>

#endif
