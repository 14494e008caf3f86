// Blocking work (files) away from the loop, which must answer other peers' probes meanwhile.
#pragma once

#include <uv.h>

#include <functional>

#include "peerd/lifetime.h"

namespace peerd {

// `work` on a thread of libuv's pool. It is always done, so it must own all that it touches.
void in_background(uv_loop_t* loop, std::function<void()> work);
// Then `done` on the loop, if whoever asks for it is still there.
void in_background(uv_loop_t* loop, const Lifetime& whose, std::function<void()> work,
                   std::function<void()> done);

}  // namespace peerd
