"""The forward pass of a trained model, by default settings and compiled, beside the same network called plainly in float32.

Each way is a process of its own, because memory kept by glibc is kept for good: a warm-up, then --patches patches of the raster, one at a time.
`plain` is `net(x)` without gradients, in float32 and PyTorch's usual memory layout; `model` is the `AerialModel`; `compiled` is the same after
`model.net.compile()`. With a mask, the IoU of the second class at its best threshold tells whether the probabilities are still the same.

    python bench/forward.py MODEL RASTER [--mask MASK --sz 1024 --patches 12 --reps 3 --ways plain,model,compiled]
"""
import argparse, json, os, resource, statistics, subprocess, sys, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('model', type=Path); ap.add_argument('raster', type=Path); ap.add_argument('--mask', type=Path); ap.add_argument('--sz', type=int, default=1024)
ap.add_argument('--patches', type=int, default=12); ap.add_argument('--reps', type=int, default=3); ap.add_argument('--ways', default='plain,model,compiled'); ap.add_argument('--one', action='store_true')
A = ap.parse_args()

def one():
    import numpy as np, torch
    from aerialfast.grids import Grid
    from aerialfast.codings import MaskValues
    from aerialfast.labels import MaskTile
    from aerialfast.loader import keep_memory
    from aerialfast import predictor
    from aerialfast.loader import keep_memory
    from aerialfast.curves import ThresholdCurves
    if A.ways!='plain': keep_memory()
    model,sz = predictor.load_model(A.model),A.sz
    tile = model.open_tile(A.raster)
    if A.ways=='plain':
        net = model.net.to(memory_format=torch.contiguous_format)
        def f(x): return net(model.scale(x)).softmax(1)
    else: f = model
    if A.ways=='compiled': model.net.compile()
    mask = MaskTile(A.mask, MaskValues(list(model.codes), range(len(model.codes)))) if A.mask else None
    grid = Grid(tile.shape, sz, 0)
    boxes = [(y, x) for y in grid.ys for x in grid.xs]
    boxes = boxes[::max(1, len(boxes)//A.patches)][:A.patches]
    patches = [torch.from_numpy(tile.read(y, x, sz, sz)[0])[None] for y,x in boxes]
    curves,s = ThresholdCurves(2),[]
    with torch.no_grad():
        t = time.perf_counter(); f(patches[0]); first = time.perf_counter()-t
        for (y,x),patch in zip(boxes, patches):
            t = time.perf_counter(); p = f(patch); s.append(time.perf_counter()-t)
            if mask: curves.update(p[0].numpy(), mask.read(y, x, sz, sz))
    print(json.dumps(dict(first=first, s=statistics.median(s)/sz**2*1e6, iou=curves.best().iou if mask else None, mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)))

def main():
    rows = {}
    for _ in range(A.reps):
        for way in A.ways.split(','):
            r = subprocess.run([sys.executable, __file__, *sys.argv[1:], '--one', '--ways', way], capture_output=True, text=True)
            if r.returncode: print(way, 'failed:', r.stderr.strip().splitlines()[-1]); continue
            rows.setdefault(way, []).append(json.loads(r.stdout.strip().splitlines()[-1]))
    from aerialfast.unets import has_bf16
    print(f"bf16 {has_bf16('cpu')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, patches of {A.sz} px\n\n| way | s per Mpx | plain / this | first call s | peak MB | IoU |\n|---|---|---|---|---|---|")
    for way,rs in rows.items():
        m = {k: statistics.median(r[k] for r in rs) for k in rs[0] if rs[0][k] is not None}
        base = statistics.median(r['s'] for r in rows.get('plain', rs))
        print(f"| {way} | {m['s']:.3f} | {base/m['s']:.2f} | {m['first']:.1f} | {m['mb']:.0f} | {m.get('iou', float('nan')):.4f} |")

if __name__=='__main__': one() if A.one else main()
