"""How long it takes to compare a map with its truth, against reading both of them.

A made-up map and its truth, two classes, blobs of about 20 px, tiled deflate, side x side px. Each run is a process of its own; they take turns.
Printed are medians: seconds, as a multiple of the plain reading of both rasters, and the memory it adds.

    plain     both rasters read once, each as a whole by rasterio
    read      both rasters read once, by rows of blocks and with all processors, as `evaluate` reads them
    pixels    the confusion matrix and the worst places: the default
    errors    rasters of errors as well
    boundaries  boundaries within 3 px as well
    objects   single objects as well

    python bench/evaluation.py [--sides 10000 --what pixels,errors,boundaries,objects --reps 3]
"""
import argparse, json, os, resource, statistics, subprocess, sys, tempfile, time
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('--sides', default='10000'); ap.add_argument('--what', default='pixels,errors,boundaries,objects'); ap.add_argument('--reps', type=int, default=3)
ap.add_argument('--data', type=Path, default=Path(tempfile.gettempdir())/'aerialfast_bench'); ap.add_argument('--one', help=argparse.SUPPRESS)
A = ap.parse_args()

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024

def rasters(side):
    "The map and its truth; made once."
    import numpy as np, rasterio
    from scipy import ndimage
    from rasterio.windows import Window
    A.data.mkdir(parents=True, exist_ok=True)
    side = int(side)
    paths,rng = [A.data/f'{k}_{side}.tif' for k in ('map','truth')],np.random.default_rng(0)
    if all(p.exists() for p in paths): return paths
    kw = dict(driver='GTiff', height=side, width=side, count=1, dtype='uint8', nodata=255, crs='EPSG:32633', transform=rasterio.Affine(.3, 0, 5e5, 0, -.3, 5e6), tiled=True, blockxsize=512, blockysize=512, compress='deflate', num_threads='all_cpus')
    with rasterio.open(paths[0], 'w', **kw) as m, rasterio.open(paths[1], 'w', **kw) as t:
        for y in range(0, side, 512):
            n = min(512, side-y)
            a = ndimage.gaussian_filter(rng.random((n+40,side)), 10)[20:-20]
            for d,cut in ((t, .507), (m, .508)): d.write((a+rng.normal(0, .0005, a.shape)>cut).astype('uint8'), 1, window=Window(0, y, side, n))
    return paths

def one():
    from aerialfast.evaluation import evaluate
    from aerialfast.rasters import Tile,pass_through
    from aerialfast.codings import MaskValues
    from aerialfast.labels import MaskTile
    what,side = A.one.split(':')
    m,t = rasters(side)
    small = rasters('600')
    def truth(p): return MaskTile(p, MaskValues(['ground','building']))
    opts = lambda tmp: dict(pixels={}, errors=dict(errors=tmp), boundaries=dict(boundaries=3), objects=dict(objects=True))[what]
    with tempfile.TemporaryDirectory(dir=A.data) as tmp:
        if what not in ('plain','read'): evaluate(small[0], truth(small[1]), **opts(tmp)) # everything is imported
        tiles,before,start = [Tile(m),Tile(t)],peak(),time.perf_counter()
        if what=='plain':
            import rasterio
            for p in (m,t):
                with rasterio.open(p) as src: src.read()
        elif what=='read':
            with pass_through(*tiles):
                for o in tiles:
                    for y in range(0, o.h, 512): o.raw(y, 0, min(512, o.h-y), o.w)
        else: score = evaluate(m, truth(t), **opts(tmp)).total.iou[1]
    print(json.dumps(dict(s=time.perf_counter()-start, mb=peak()-before, iou=score if what not in ('plain','read') else 0)))

def main():
    if A.one: return one()
    print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {A.reps} rounds\n\n| px | | s | times plain reading | added MB | IoU |\n|---|---|---|---|---|---|')
    for side in A.sides.split(','):
        for s in (side,600): rasters(s)
        runs = {k: [] for k in ('plain','read',*A.what.split(','))}
        for _ in range(A.reps):
            for k,got in runs.items():
                r = subprocess.run([sys.executable, __file__, '--one', f'{k}:{side}', '--data', A.data], capture_output=True, text=True)
                if r.returncode: sys.exit(r.stderr)
                got.append(json.loads(r.stdout.strip().splitlines()[-1]))
        med = {k: {f: statistics.median(g[f] for g in got) for f in got[0]} for k,got in runs.items()}
        for k,d in med.items(): print(f"| {side} x {side} | {k} | {d['s']:.2f} | {d['s']/med['plain']['s']:.2f} | {d['mb']:.0f} | {d['iou']:.4f} |", flush=True)

if __name__=='__main__': main()
