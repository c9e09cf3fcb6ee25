for n in $(seq 10 60); do
  mkdir -p packages/p$n/src packages/p$n/other
  echo $n > packages/p$n/package.json
  echo $n > packages/p$n/src/f$n.ts
  echo $n > packages/p$n/other/f.ts
done
