/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of cepa/path.h for a proposed path, written once more: the checker shares no code with the daemon. */
#pragma once

#include <cepa/path.h>

G_BEGIN_DECLS

/* Returns: (nullable): the rule that @path breaks; NULL when it keeps them all. */
const char *cepa_path_rules_find_broken (const CepaNetworkView *view, const CepaPathRequest *request,
                                         const CepaPath *path);

G_END_DECLS
