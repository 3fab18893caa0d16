#include "harness/catalog.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace harness {
namespace {

template <class Info>
bool ByName(const Info& info, std::string_view name) {
  return info.name < name;
}

template <class Info>
const Info* Find(const std::vector<Info>& sorted, std::string_view name) {
  auto it = std::lower_bound(sorted.begin(), sorted.end(), name, ByName<Info>);
  return it != sorted.end() && it->name == name ? &*it : nullptr;
}

// Two registrations of one name are a mistake in the program, found before
// main(): which of them a config means would depend on the linker.
template <class Info>
void Insert(std::vector<Info>& sorted, Info info) {
  auto it =
      std::lower_bound(sorted.begin(), sorted.end(), info.name, ByName<Info>);
  if (it != sorted.end() && it->name == info.name) {
    std::fprintf(stderr, "catalog: '%s' is registered twice\n",
                 info.name.c_str());
    std::abort();
  }
  sorted.insert(it, std::move(info));
}

}  // namespace

bool LruInfo::Has(lru::fault_point fp) const {
  return std::find(absent.begin(), absent.end(), fp) == absent.end();
}

Catalog& Catalog::Get() {
  static Catalog catalog;
  return catalog;
}

void Catalog::Add(LruInfo info) { Insert(lrus_, std::move(info)); }
void Catalog::Add(ActorInfo info) { Insert(actors_, std::move(info)); }
void Catalog::Add(InvariantInfo info) { Insert(invariants_, std::move(info)); }
void Catalog::Add(BustedInfo info) { Insert(busted_, std::move(info)); }

PassedPoints Catalog::PassedImplicit(const LruInfo& lru) const {
  return loader_.passed ? loader_.passed(lru.name) : PassedPoints();
}

const LruInfo* Catalog::FindLru(std::string_view name) const {
  return Find(lrus_, name);
}

std::string Catalog::LoadLru(std::string_view name) {
  if (FindLru(name) != nullptr || !loader_.load) return "";
  return loader_.load(std::string(name));
}

std::vector<std::string> Catalog::LoadableLrus() const {
  return loader_.find ? loader_.find() : std::vector<std::string>();
}

const ActorInfo* Catalog::FindActor(std::string_view name) const {
  return Find(actors_, name);
}

const InvariantInfo* Catalog::FindInvariant(std::string_view name) const {
  return Find(invariants_, name);
}

const BustedInfo* Catalog::FindBusted(std::string_view name) const {
  return Find(busted_, name);
}

bool Catalog::HasActor(std::string_view name) const {
  return Find(actors_, name) != nullptr;
}

}  // namespace harness
