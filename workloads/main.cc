#include "harness/workload.h"
#include "workloads/torture.h"

int main(int argc, char** argv) {
  workloads::Torture torture;
  return harness::Main(argc, argv, torture);
}
