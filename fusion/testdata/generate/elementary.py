import mpmath as m, random, struct, json
m.mp.prec=300
random.seed(5)
h=lambda v: struct.pack('>d',v).hex()
out={'exp':[], 'log':[], 'pow':[], 'atan':[], 'logistic':[]}
for _ in range(400):
    x=random.uniform(-10,10); out['exp'].append([h(x),h(float(m.exp(m.mpf(x))))]); out['atan'].append([h(x),h(float(m.atan(m.mpf(x))))])
    out['logistic'].append([h(x),h(float(1/(1+m.exp(-m.mpf(x)))))])
    x=random.uniform(-740,709); out['exp'].append([h(x),h(float(m.exp(m.mpf(x))))])
    x=random.expovariate(1e-3); out['log'].append([h(x),h(float(m.log(m.mpf(x))))])
    x=random.uniform(.5,2); out['log'].append([h(x),h(float(m.log(m.mpf(x))))])
    x=random.uniform(-1e6,1e6); out['atan'].append([h(x),h(float(m.atan(m.mpf(x))))])
    x=random.uniform(0,20);y=random.uniform(-3,3); out['pow'].append([h(x),h(y),h(float(m.mpf(x)**m.mpf(y)))])
for n in range(2,2002): out['log'].append([h(float(n)),h(float(m.log(n)))])
for phi in (.1,.8,.95,.99):
    for n in range(0,300): out['pow'].append([h(phi),h(float(n)),h(float(m.mpf(phi)**n))])
json.dump(out,open('/tmp/fusionref/el.json','w'))
print({k:len(v) for k,v in out.items()})
