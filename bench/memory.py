"""Peak memory of predict_tile against the height of the raster.

Predicts 5,000 x 5,000 px and 40,000 rows x 5,000 columns (3 bands of uint8) with a function that costs nothing,
each in a fresh process, and prints seconds, peak memory and the growth over what the process had before.

    python bench/memory.py [--rows 5000,10000,40000] [--cols 5000] [--sz 1024] [--outputs classes]
"""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument('--rows', default='5000,40000'); ap.add_argument('--cols', type=int, default=5000); ap.add_argument('--sz', type=int, default=1024)
ap.add_argument('--outputs', default='classes'); ap.add_argument('--one', default='')
A = ap.parse_args()

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
def now(): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmRSS'))/1024

def make(path, rows):
    "A raster of coarse noise, written in blocks so that making it needs no memory either."
    import numpy as np, rasterio
    from rasterio.windows import Window
    rng = np.random.default_rng(0)
    with rasterio.open(path, 'w', driver='GTiff', height=rows, width=A.cols, count=3, dtype='uint8', tiled=True, blockxsize=512, blockysize=512,
                       compress='deflate', crs='EPSG:32633', transform=rasterio.Affine(.3, 0, 5e5, 0, -.3, 5e6)) as d:
        for y in range(0, rows, 512):
            n = min(512, rows-y)
            d.write(np.kron(rng.integers(0, 255, (3, -(-n//16), -(-A.cols//16)), dtype=np.uint8), np.ones((1,16,16), np.uint8))[:,:n,:A.cols], window=Window(0, y, A.cols, n))

def one(src):
    import torch
    from aerialfast.prediction import predict_tile
    from aerialfast.rasters import Tile
    def free(x): return x[:, :2].float()*(1/255)
    predict_tile(free, Tile(src+'.small.tif'), src+'.warm.tif', sz=A.sz)                 # everything is imported and warm
    base,t = now(),time.perf_counter()
    predict_tile(free, src, src+'.out.tif', sz=A.sz, outputs=A.outputs.split(',') if ',' in A.outputs else A.outputs)
    print(json.dumps(dict(s=time.perf_counter()-t, base=base, peak=peak())))

def main():
    if A.one: return one(A.one)
    print(f'python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {A.cols} columns, patches of {A.sz} px, half overlap, outputs {A.outputs}')
    print('| rows | s | peak MB | growth MB |\n|---|---|---|---|')
    for rows in map(int, A.rows.split(',')):
        with tempfile.TemporaryDirectory() as tmp:
            src = f'{tmp}/{rows}.tif'
            make(src, rows); make(src+'.small.tif', 1100)
            r = subprocess.run([sys.executable, __file__, '--one', src, '--cols', str(A.cols), '--sz', str(A.sz), '--outputs', A.outputs], capture_output=True, text=True)
            if r.returncode: sys.exit(r.stderr)
            d = json.loads(r.stdout.strip().splitlines()[-1])
            print(f"| {rows} | {d['s']:.1f} | {d['peak']:.0f} | {d['peak']-d['base']:.0f} |", flush=True)

if __name__ == '__main__': main()
