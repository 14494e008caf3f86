// Under AddressSanitizer its hooks see every allocation; elsewhere operator new is replaced, which
// is what everything in the codec allocates with.
#include "tests/net/codec_allocations.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define PEERD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PEERD_ASAN 1
#endif
#endif

#ifdef PEERD_ASAN
// As in <sanitizer/allocator_interface.h>, which GCC does not install.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*,
                                                                           std::size_t),
                                                         void (*on_free)(const volatile void*));
extern "C" std::size_t __sanitizer_get_allocated_size(const volatile void* memory);
#else
#include <malloc.h>
#endif

namespace test {
namespace {

bool counting = false;
std::ptrdiff_t live_bytes = 0;
Allocations worst;

void allocated(std::size_t requested_bytes, std::size_t held_bytes) {
  if (!counting) return;
  live_bytes += static_cast<std::ptrdiff_t>(held_bytes);
  worst.largest_bytes = std::max(worst.largest_bytes, requested_bytes);
  if (live_bytes > 0) {
    worst.live_bytes = std::max(worst.live_bytes, static_cast<std::size_t>(live_bytes));
  }
}

void freed(std::size_t held_bytes) {
  if (counting) live_bytes -= static_cast<std::ptrdiff_t>(held_bytes);
}

}  // namespace

#ifdef PEERD_ASAN
namespace {

void on_malloc(const volatile void*, std::size_t bytes) {
  allocated(bytes, bytes);
}
void on_free(const volatile void* memory) {
  if (counting && memory != nullptr) freed(__sanitizer_get_allocated_size(memory));
}
const int kHooks = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);

}  // namespace
#else
namespace {

void* allocate(std::size_t bytes) {
  void* memory = std::malloc(std::max<std::size_t>(bytes, 1));
  if (memory == nullptr) throw std::bad_alloc();
  allocated(bytes, malloc_usable_size(memory));
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) freed(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace
#endif

AllocationCount::AllocationCount() {
  assert(!counting);
#ifdef PEERD_ASAN
  assert(kHooks > 0);
#endif
  live_bytes = 0;
  worst = {};
  counting = true;
}

AllocationCount::~AllocationCount() {
  counting = false;
}

Allocations AllocationCount::so_far() const {
  return worst;
}

}  // namespace test

#ifndef PEERD_ASAN
void* operator new(std::size_t bytes) {
  return test::allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return test::allocate(bytes);
}
void operator delete(void* memory) noexcept {
  test::release(memory);
}
void operator delete[](void* memory) noexcept {
  test::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  test::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  test::release(memory);
}
#endif
