#pragma once
int mp_lapack_placeholder(void);
