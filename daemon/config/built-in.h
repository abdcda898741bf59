/* SPDX-License-Identifier: BSD-3-Clause */
/* The network that is used when the torrc names none. */
#pragma once

/* The built-in values of DirAuthority and FallbackDir lines, NULL at the end. Made from data/. */
extern const char *const cepa_built_in_authorities[];
extern const char *const cepa_built_in_fallbacks[];
