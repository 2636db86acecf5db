#pragma once
int mp_media_placeholder(void);
