#pragma once
int mp_digest_placeholder(void);
