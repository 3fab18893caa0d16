#include "harness/coverage.h"

#include <algorithm>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/config_names.h"
#include "harness/pacer.h"

namespace harness {
namespace {

constexpr size_t kMissingShown = 5;

// What a cell may be judged by.
class Table {
 public:
  Table(const LruInfo& lru, const Config& config)
      : lru_(lru),
        ids_go_at_offline_(config.model.id_release == IdRelease::kOffline) {
    for (const lru::operation_info& op : lru.operations) {
      Doers doers;
      for (const ActorSpec& spec : config.actors) {
        const ActorInfo* actor = Catalog::Get().FindActor(spec.type);
        if (!actor || !absl::c_linear_search(actor->operations, op.name)) {
          continue;
        }
        doers.any = true;
        doers.pinning |= actor->pins;
      }
      doers_.push_back(doers);
    }
    has_destroyers_ = HasDestroyers(config);
  }

  Cell Judge(size_t stage, size_t operation, CellOrder order) const {
    Cell cell = {lru_.stages[stage].fp,
                 static_cast<int>(operation),
                 order,
                 CellStatus::kExcluded,
                 "",
                 0};
    cell.reason = WhyExcluded(stage, operation, order);
    if (!cell.reason.empty()) return cell;
    cell.reason = WhyUnforced(stage, operation, order);
    cell.status =
        cell.reason.empty() ? CellStatus::kReachable : CellStatus::kUnforced;
    return cell;
  }

 private:
  struct Doers {
    bool any = false;      // some actor of the config does it
    bool pinning = false;  // one by a reference held across offline
  };

  const lru::stage_info* ClosingOf(lru::way way) const {
    for (const lru::stage_info& stage : lru_.stages) {
      if (stage.closes == way) return &stage;
    }
    return nullptr;
  }
  size_t IndexOf(const lru::stage_info* stage) const {
    return stage ? static_cast<size_t>(stage - lru_.stages.data())
                 : lru_.stages.size();
  }

  // The stage after which a read section may have the memcg from, when a whole
  // grace period lies between it and `stage`.
  const lru::stage_info* GracePeriodBehind(size_t stage, lru::way via) const {
    size_t closed = IndexOf(ClosingOf(via));
    for (size_t i = closed; i <= stage && i < lru_.stages.size(); i++) {
      const lru::stage_info& info = lru_.stages[i];
      if (!info.after_gp) continue;
      if (info.since == lru::FP_id_put && ids_go_at_offline_) continue;
      auto since = absl::c_find_if(lru_.stages, [&](const auto& other) {
        return other.fp == info.since;
      });
      if (since - lru_.stages.begin() >= static_cast<long>(closed)) {
        return &info;
      }
    }
    return nullptr;
  }

  std::string WhyExcluded(size_t stage, size_t operation,
                          CellOrder order) const {
    const lru::operation_info& op = lru_.operations[operation];
    const lru::stage_info* unreferenced = ClosingOf(lru::way::REFERENCE);
    if (op.referenced && unreferenced && stage >= IndexOf(unreferenced)) {
      return absl::StrCat(
          "whoever does it holds a reference on the memcg, or "
          "is in a read section that found it by its slot; at ",
          NameOf(unreferenced->fp), " there is neither");
    }
    if (!op.referenced) {
      const lru::stage_info* behind = GracePeriodBehind(stage, op.via);
      if (behind) {
        return absl::StrCat(
            "it is one read section, or holds a reference; from ",
            NameOf(ClosingOf(op.via)->fp), " on no lookup finds the memcg, ",
            "and a grace period passes before ", NameOf(behind->fp));
      }
    }
    if (order == CellOrder::kStageFirst && op.begins_locked &&
        LockedUntilNext(stage)) {
      return "it begins under the list's lock, which the teardown holds from "
             "this stage to the next";
    }
    if (order == CellOrder::kStageFirst && op.own_list &&
        stage >= IndexOf(ClosingOf(lru::way::SLOT))) {
      return absl::StrCat("it begins on a list of the memcg's own, and from ",
                          NameOf(ClosingOf(lru::way::SLOT)->fp),
                          " on that is dead");
    }
    return "";
  }

  // Both this stage of a list and the next hold its lock.
  bool LockedUntilNext(size_t stage) const {
    auto locked = [&](size_t i) {
      return i < lru_.stages.size() && lru_.stages[i].per_list &&
             lru::fault_point_at(lru_.stages[i].fp).holds == lru::held::SPIN;
    };
    return locked(stage) && locked(stage + 1);
  }

  std::string WhyUnforced(size_t stage, size_t operation,
                          CellOrder order) const {
    const lru::operation_info& op = lru_.operations[operation];
    if (!has_destroyers_) return "no actor of this config destroys memcgs";
    if (!doers_[operation].any) {
      return absl::StrCat("no actor of this config does it (",
                          ActorsThatDo(op.name), ")");
    }
    if (order == CellOrder::kOpFirst) return "";
    if (op.makes_lists && lru_.stages[stage].per_list) {
      return "a memcg whose list has come that far finds lists on that lru, "
             "its own or an ancestor's, and no fault point lies between "
             "reading its id and looking there; not counted";
    }
    const lru::stage_info* closing = ClosingOf(op.via);
    if (op.via != lru::way::NONE && stage < IndexOf(closing)) return "";
    bool locked =
        lru_.stages[stage].per_list &&
        lru::fault_point_at(lru_.stages[stage].fp).holds == lru::held::SPIN;
    if (op.held_at != lru::NR_FAULT_POINTS) return "";
    bool unreferenced = stage >= IndexOf(ClosingOf(lru::way::REFERENCE));
    if (doers_[operation].pinning && !unreferenced &&
        !(locked && LockedUntilNext(stage))) {
      return "";
    }
    if (op.via == lru::way::NONE) {
      return "its caller has come by the memcg before the teardown began, and "
             "no fault point lies between that and its first point";
    }
    return absl::StrCat("from ", NameOf(closing->fp),
                        " on the memcg is not found any more, and no fault "
                        "point lies between finding it and ",
                        NameOf(op.begins[0]));
  }

  static std::string ActorsThatDo(const char* operation) {
    std::vector<std::string> names;
    for (const ActorInfo& actor : Catalog::Get().actors()) {
      if (absl::c_linear_search(actor.operations, operation)) {
        names.push_back(actor.name);
      }
    }
    return names.empty() ? "none does" : absl::StrJoin(names, ", ");
  }

  const LruInfo& lru_;
  const bool ids_go_at_offline_;  // as the kernel's: no grace period (d7)
  std::vector<Doers> doers_;
  bool has_destroyers_ = false;
};

uint64_t HitsOf(const Recorder& r, const Cell& cell) {
  uint64_t hits = 0;
  uint32_t count = TaskCount(r);
  for (uint32_t i = 0; i < count; i++) {
    hits += r.tasks[i]
                .cells[cell.stage][cell.operation][static_cast<int>(cell.order)]
                .load(kRelaxed);
  }
  return hits;
}

bool IsWanted(const LruInfo& lru, const CoverageRequired& require,
              const Cell& cell) {
  auto named = [](const std::vector<std::string>& names, const char* name) {
    return names.empty() || absl::c_linear_search(names, name);
  };
  return cell.status == CellStatus::kReachable &&
         named(require.stages, NameOf(cell.stage)) &&
         named(require.operations, lru.operations[cell.operation].name);
}

// Whether the operation begins where its memcg is not found any more: only
// whoever has a reference from before can be there.
bool IsBehindItsWay(const LruInfo& lru, const Cell& cell) {
  lru::way via = lru.operations[cell.operation].via;
  if (cell.order == CellOrder::kOpFirst || via == lru::way::NONE) return false;
  for (const lru::stage_info& stage : lru.stages) {
    if (stage.closes == via) return true;
    if (stage.fp == cell.stage) return false;
  }
  return false;
}

// An actor that would hold such a reference; "" when there is none, or the
// config has it.
std::string PinnerFor(const LruInfo& lru, const Config& config,
                      const std::vector<const Cell*>& missing) {
  for (const ActorInfo& actor : Catalog::Get().actors()) {
    if (!actor.pins) continue;
    bool present = absl::c_any_of(config.actors, [&](const ActorSpec& spec) {
      return spec.type == actor.name;
    });
    bool helps = absl::c_any_of(missing, [&](const Cell* cell) {
      const char* op = lru.operations[cell->operation].name;
      return IsBehindItsWay(lru, *cell) &&
             absl::c_linear_search(actor.operations, op);
    });
    if (helps && !present) {
      return absl::StrCat(", or to /actors {\"type\": \"", actor.name, "\"}");
    }
  }
  return "";
}

std::string MissingText(const LruInfo& lru, const Config& config,
                        const std::vector<const Cell*>& missing) {
  std::vector<std::string> texts, faults;
  for (const Cell* cell : missing) {
    if (texts.size() == kMissingShown) break;
    texts.push_back(CellText(lru, *cell));
    std::string fault = FaultFor(lru, *cell);
    if (!absl::c_linear_search(faults, fault)) faults.push_back(fault);
  }
  std::string text = absl::StrCat("missing: ", absl::StrJoin(texts, ", "));
  if (missing.size() > texts.size()) {
    absl::StrAppend(&text, " and ", missing.size() - texts.size(), " more");
  }
  return absl::StrCat(text, "; to hit them raise /duration_ms, or add to ",
                      "/faults ", absl::StrJoin(faults, " "),
                      PinnerFor(lru, config, missing));
}

}  // namespace

std::vector<Cell> CellsOf(const LruInfo& lru, const Config& config) {
  std::vector<Cell> cells;
  Table table(lru, config);
  for (size_t stage = 0; stage < lru.stages.size(); stage++) {
    size_t operations = std::min<size_t>(lru.operations.size(), kOperationsMax);
    for (size_t op = 0; op < operations; op++) {
      if (!lru.operations[op].under_way.empty()) {
        cells.push_back(table.Judge(stage, op, CellOrder::kOpFirst));
      }
      cells.push_back(table.Judge(stage, op, CellOrder::kStageFirst));
    }
  }
  return cells;
}

std::vector<Cell> CellsOf(const Recorder& r, const Config& config) {
  const LruInfo* lru = Catalog::Get().FindLru(config.lru);
  if (!lru) return {};
  std::vector<Cell> cells = CellsOf(*lru, config);
  for (Cell& cell : cells) cell.hits = HitsOf(r, cell);
  return cells;
}

std::string CellText(const LruInfo& lru, const Cell& cell) {
  const char* op = lru.operations[cell.operation].name;
  return cell.order == CellOrder::kOpFirst
             ? absl::StrCat(NameOf(cell.stage), " during ", op)
             : absl::StrCat(op, " begun after ", NameOf(cell.stage));
}

std::string FaultFor(const LruInfo& lru, const Cell& cell) {
  const lru::operation_info& op = lru.operations[cell.operation];
  auto may_sleep = [](lru::fault_point fp) {
    return lru::fault_point_at(fp).holds == lru::held::NOTHING;
  };
  if (IsBehindItsWay(lru, cell) && op.held_at != lru::NR_FAULT_POINTS) {
    return absl::StrCat("{\"at\": \"", NameOf(op.held_at),
                        "\", \"hold_until\": {\"at\": \"", NameOf(cell.stage),
                        "\", \"timeout_us\": 5000}, \"one_in\": 16}");
  }
  if (cell.order == CellOrder::kStageFirst) {
    bool locked = lru::fault_point_at(cell.stage).holds == lru::held::SPIN;
    return absl::StrCat("{\"at\": \"", NameOf(cell.stage),
                        "\", \"delay_us\": {\"min\": 1, \"max\": ",
                        locked ? 10 : 50, "}, \"one_in\": 4}");
  }
  // Where it waits without keeping the stage away, if there is such a point.
  lru::fault_point at = op.held_at;
  if (at == lru::NR_FAULT_POINTS) at = op.begins[0];
  for (lru::fault_point fp : op.under_way) {
    if (!may_sleep(at) && may_sleep(fp) && fp != op.under_way.back()) at = fp;
  }
  return absl::StrCat("{\"at\": \"", NameOf(at),
                      "\", \"delay_us\": {\"min\": 1, \"max\": ",
                      may_sleep(at) ? 2000 : 200, "}, \"one_in\": 16}");
}

std::string CoverageUnmet(const Recorder& r, const Config& config) {
  const CoverageRequired& require = config.require.coverage;
  if (require.percent == 0) return "";
  std::vector<Cell> cells = CellsOf(r, config);
  if (cells.empty()) return "coverage: this lru publishes no operations";
  const LruInfo& lru = *Catalog::Get().FindLru(config.lru);
  uint64_t wanted = 0;
  std::vector<const Cell*> missing;
  for (const Cell& cell : cells) {
    if (!IsWanted(lru, require, cell)) continue;
    wanted++;
    if (!cell.hits) missing.push_back(&cell);
  }
  uint64_t hit = wanted - missing.size();
  if (wanted && hit * 100 >= wanted * require.percent) return "";
  if (!wanted) {
    return "coverage: none of the cells asked for can be reached by this "
           "config's actors";
  }
  return absl::StrCat("coverage: ", hit, " of ", wanted, " reachable cells, ",
                      require.percent, " % wanted; ",
                      MissingText(lru, config, missing));
}

std::string ImpossibleHit(const Recorder& r, const Config& config) {
  if (config.busted != "none") return "";
  for (const Cell& cell : CellsOf(r, config)) {
    if (cell.status != CellStatus::kExcluded || !cell.hits) continue;
    const LruInfo& lru = *Catalog::Get().FindLru(config.lru);
    return absl::StrCat(
        "the table of windows is wrong, or the lru: ", CellText(lru, cell),
        " was seen ", cell.hits, " times, but cannot be: ", cell.reason);
  }
  return "";
}

uint64_t NearMissesOf(const Recorder& r, NearMiss kind) {
  uint64_t sum = 0;
  uint32_t count = TaskCount(r);
  for (uint32_t i = 0; i < count; i++) {
    sum += r.tasks[i].near_misses[static_cast<int>(kind)].load(kRelaxed);
  }
  return sum;
}

}  // namespace harness
